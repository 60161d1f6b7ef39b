import { createHash } from 'node:crypto';
import type { V1ConfigMap, V1Deployment, V1PodTemplateSpec, V1Service } from '@kubernetes/client-node';
import type { DeployedProgram, Program, Provenance } from '../../../../activities/ports';
import { PlatformError } from '../../api/errors';
import { faultOfName, fileOfKey, INPUT_KEYS, isInputKey, keyOfFile } from './fileNames';
import { configMapOf, labelsOf, namesOf, PROGRAM_PORT } from '../names';
import { programAnnotations, provenanceAnnotations } from '../provenance';
import type { LaunchSpec } from '../types';

/** A ConfigMap holds 1 MiB, including its names and annotations. */
const MAX_FILES_BYTES = 1_000_000;

/** Annotations of the ConfigMap with the files: how to start them. */
const ENTRYPOINT_ANNOTATION = 'orchestration-app/entrypoint';
const LANGUAGE_ANNOTATION = 'orchestration-app/language';
const REQUIREMENTS_ANNOTATION = 'orchestration-app/requirements';
const SERVES_ANNOTATION = 'orchestration-app/serves';

/** Describes a program as it is deployed: where it comes from, and the ConfigMap with its files and input. */
export function programOf(provenance: Provenance, { given }: Pick<Program, 'given'> = {}): DeployedProgram {
  const { userId, submissionId, workflowId, runId, codeDigest } = provenance;
  const configMap = configMapOf(userId, given ? digestWith(codeDigest, given) : codeDigest);
  return { submissionId, workflowId, runId, codeDigest, configMap };
}

/** The same code with other input is stored under a separate name. */
function digestWith(codeDigest: string, { stdin, args }: NonNullable<Program['given']>): string {
  return createHash('sha256')
    .update(JSON.stringify([codeDigest, stdin, args]))
    .digest('hex');
}

/**
 * The program's files, which never change.
 * @throws PlatformError `Rejected` for files that a ConfigMap cannot hold.
 */
export function filesManifest(provenance: Provenance, program: Program): V1ConfigMap {
  checkFiles(program);
  const { language, files, entrypoint, requirements, given, serves } = program;
  const { userId } = provenance;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: programOf(provenance, program).configMap,
      namespace: namesOf(userId).namespace,
      labels: labelsOf(userId, 'program-files'),
      annotations: {
        ...provenanceAnnotations(provenance),
        [ENTRYPOINT_ANNOTATION]: entrypoint,
        [LANGUAGE_ANNOTATION]: language,
        ...(requirements.length > 0 && { [REQUIREMENTS_ANNOTATION]: JSON.stringify(requirements) }),
        ...(serves && { [SERVES_ANNOTATION]: 'true' }),
      },
    },
    immutable: true,
    data: {
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [keyOfFile(name), text])),
      ...(given && { [INPUT_KEYS.stdin]: given.stdin, [INPUT_KEYS.args]: JSON.stringify(given.args) }),
    },
  };
}

/** How to start the program whose files a ConfigMap contains; null when its annotations are missing. */
export function launchSpecOf({ metadata, data }: V1ConfigMap): Omit<LaunchSpec, 'network'> | null {
  const entrypoint = metadata?.annotations?.[ENTRYPOINT_ANNOTATION];
  const language = metadata?.annotations?.[LANGUAGE_ANNOTATION];
  if (entrypoint === undefined || language === undefined) return null;
  const requirements = JSON.parse(metadata?.annotations?.[REQUIREMENTS_ANNOTATION] ?? '[]') as string[];
  const keys = Object.keys(data ?? {});
  const files = keys.filter((key) => !isInputKey(key)).map(fileOfKey);
  const serves = metadata?.annotations?.[SERVES_ANNOTATION] === 'true';
  return {
    ...{ language, entrypoint, files, requirements },
    ...(serves && { serves }),
    ...(keys.some(isInputKey) && { hasInput: true }),
  };
}

/** The address of a program that serves: http://<id>-prod in its namespace. */
export function programService(provenance: Provenance): V1Service {
  const { userId } = provenance;
  const { namespace, program } = namesOf(userId);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: program,
      namespace,
      labels: labelsOf(userId, 'program'),
      annotations: provenanceAnnotations(provenance),
    },
    spec: {
      selector: labelsOf(userId, 'program'),
      ports: [{ name: 'http', port: 80, targetPort: PROGRAM_PORT }],
    },
  };
}

/**
 * The Deployment that runs a program. A new pod is ready before the old one is removed.
 * @param previous the program that was live before, stored for a repeated call; null for none
 */
export function programDeployment(
  userId: string,
  program: DeployedProgram,
  template: V1PodTemplateSpec,
  previous: DeployedProgram | null,
): V1Deployment {
  const { namespace, program: name } = namesOf(userId);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      labels: labelsOf(userId, 'program'),
      annotations: {
        ...programAnnotations('current', program),
        ...(previous && programAnnotations('previous', previous)),
      },
    },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 3,
      // The rollout's own deadline is shorter; this one leaves a message when no worker watches.
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: labelsOf(userId, 'program') },
      template,
    },
  };
}

function checkFiles({ files, entrypoint, migrate, given }: Program): void {
  const names = Object.keys(files);
  for (const [what, name] of Object.entries({ entrypoint, migration: migrate ?? entrypoint }))
    if (!names.includes(name))
      throw new PlatformError('Rejected', `The ${what} ${name} is not among the files ${names.join(', ')}.`);
  for (const name of names) {
    const fault = faultOfName(name);
    if (fault !== null)
      throw new PlatformError('Rejected', `The file name ${JSON.stringify(name)} ${fault}.`);
  }
  const texts = [...Object.values(files), ...(given ? [given.stdin, ...given.args] : [])];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > MAX_FILES_BYTES)
    throw new PlatformError(
      'Rejected',
      `The files and their input have ${bytes} bytes, and a ConfigMap holds ${MAX_FILES_BYTES}. Make the program smaller.`,
    );
}
