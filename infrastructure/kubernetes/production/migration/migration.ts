import type { V1Pod } from '@kubernetes/client-node';
import type { CallContext, MigrationReport, ProgramRequest } from '../../../../activities/ports';
import { apply } from '../../api/apply';
import type { Kube } from '../../api/client';
import { attempt, attemptToFind, isConflict } from '../../api/errors';
import { escapeVariables } from '../../pods/escapeVariables';
import { GracePeriod } from '../../pods/gracePeriod';
import { podProblem } from '../../pods/problem';
import { identityAnnotations } from '../../pods/userIdentity';
import { waitFor } from '../../api/waiting';
import { lastLogLines, recentEvents, failingContainer } from '../rollout/failureDetails';
import { labelsOf, migrationPodOf, namesOf } from '../names';
import { readDeployment } from '../program/program';
import { filesManifest, programOf } from '../program/manifests';
import { prepareNetwork } from '../program/network';
import { programPod } from '../program/podTemplate';
import { programAnnotations, programIn } from '../provenance';
import { ensureIndexSecret } from '../program/requirements';
import type { PodNetwork, ProductionSettings } from '../types';

/** How long a migration may run, in seconds, and how long to wait for its start and end, in milliseconds. */
const MIGRATION_SECONDS = 600;
const WAIT_MS = (MIGRATION_SECONDS + 120) * 1000;

/**
 * Runs a submission's migration in a separate pod and waits for its end. The pod's name is derived from the
 * submission, and it stays until it is removed: a repeated call finds it, and nothing runs twice.
 */
export async function migrate(
  kube: Kube,
  settings: ProductionSettings,
  request: ProgramRequest,
  context: CallContext,
): Promise<MigrationReport> {
  const { userId, submissionId } = request.provenance;
  const { namespace } = namesOf(userId);
  const name = migrationPodOf(userId, submissionId);
  await createPod(kube, settings, name, request);

  const gracePeriod = new GracePeriod();
  const end = await waitFor<{ pods: V1Pod[] }, End>(kube, {
    collections: {
      pods: {
        apiVersion: 'v1',
        kind: 'Pod',
        plural: 'pods',
        namespace,
        fieldSelector: `metadata.name=${name}`,
      },
    },
    check: ({ pods: [pod] }) => {
      if (pod === undefined) return { message: `Its pod ${name} was deleted while it ran.` };
      if (pod.status?.phase === 'Succeeded') return { pod, message: null };
      if (pod.status?.phase === 'Failed') return { pod, message: describeEnd(pod) };
      const problem = podProblem(pod);
      return problem && gracePeriod.isOver(problem) ? { pod, message: problem.message } : undefined;
    },
    deadlineMs: WAIT_MS,
    signal: context.signal,
    heartbeat: () => context.heartbeat({ waitingFor: name }),
  });
  return reportOf(kube, request, end ?? { message: `It had not ended after ${WAIT_MS / 1000} s.` });
}

/** Removes the pod of a submission's migration, if there is one. */
export async function removeMigration(kube: Kube, userId: string, submissionId: string): Promise<void> {
  const { namespace } = namesOf(userId);
  const name = migrationPodOf(userId, submissionId);
  await attemptToFind(`delete Pod/${name} in ${namespace}`, () =>
    kube.core.deleteNamespacedPod({ namespace, name }),
  );
}

interface End {
  pod?: V1Pod;
  /** What went wrong; null if nothing did. */
  message: string | null;
}

async function createPod(
  kube: Kube,
  settings: ProductionSettings,
  name: string,
  { provenance, program: code }: ProgramRequest,
): Promise<void> {
  const [files, network] = await Promise.all([
    apply(kube.objects, filesManifest(provenance, code)),
    prepareNetwork(kube, provenance.userId, settings, { installs: code.requirements.length > 0 }),
  ]);
  if (code.requirements.length > 0) await ensureIndexSecret(kube, provenance.userId, settings);
  const filesUid = files.metadata?.uid ?? '';
  const pod = migrationPod(name, settings, { provenance, program: code }, { filesUid, network });
  try {
    await attempt(`create Pod/${name}`, () =>
      kube.core.createNamespacedPod({ namespace: namesOf(provenance.userId).namespace, body: pod }),
    );
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

/** The program's pod, changed to run the migration once. It is deleted together with the program's files. */
export function migrationPod(
  name: string,
  settings: ProductionSettings,
  { provenance, program: code }: ProgramRequest,
  { filesUid, network }: { filesUid: string; network: PodNetwork },
): V1Pod {
  const { userId } = provenance;
  const program = programOf(provenance, code);
  const launch = { ...code, files: Object.keys(code.files), network };
  const pod = programPod(userId, program, launch, settings);
  const containers = pod.containers.map(({ readinessProbe: _, ports: __, ...container }) => ({
    ...container,
    args: ['once', escapeVariables(code.migrate ?? '')],
  }));
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: program.configMap, uid: filesUid };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: namesOf(userId).namespace,
      labels: { ...labelsOf(userId, 'migration'), ...network.dns.labels },
      annotations: { ...programAnnotations('current', program), ...identityAnnotations(userId) },
      ownerReferences: [owner],
    },
    spec: { ...pod, containers, restartPolicy: 'Never', activeDeadlineSeconds: MIGRATION_SECONDS },
  };
}

async function reportOf(
  kube: Kube,
  { provenance: { userId } }: ProgramRequest,
  { pod, message }: End,
): Promise<MigrationReport> {
  const [logs, events, deployment] = await Promise.all([
    pod === undefined ? '' : lastLogLines(kube, pod, failingContainer(pod)),
    pod === undefined || message === null ? [] : recentEvents(kube, namesOf(userId).namespace, [pod]),
    readDeployment(kube, userId),
  ]);
  return {
    outcome: message === null ? 'passed' : 'failed',
    exitCode: pod?.status?.containerStatuses?.[0]?.state?.terminated?.exitCode ?? null,
    message,
    events,
    logs,
    live: programIn('live', deployment?.metadata?.annotations),
  };
}

function describeEnd({ status }: V1Pod): string {
  if (status?.reason === 'DeadlineExceeded')
    return `It ran longer than ${MIGRATION_SECONDS} s and was stopped.`;
  if (status?.initContainerStatuses?.some(({ state }) => state?.terminated?.exitCode))
    return 'Its requirements could not be installed in production.';
  const ended = status?.containerStatuses?.[0]?.state?.terminated;
  if (ended === undefined) return status?.message ?? 'Its pod failed.';
  return `It ended with exit code ${ended.exitCode}${ended.reason === 'OOMKilled' ? ': it used more memory than it may' : ''}.`;
}
