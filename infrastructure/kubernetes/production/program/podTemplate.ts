/** The pod in which a user's program runs in production. Deployments and migrations (migration.ts) use it. */
import type {
  V1Container,
  V1EnvVar,
  V1KeyToPath,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Volume,
} from '@kubernetes/client-node';
import type { DeployedProgram } from '../../../../activities/ports';
import { INPUT_KEYS, keyOfFile } from './fileNames';
import {
  DATABASE_ROLE,
  labelsOf,
  namesOf,
  POSTGRES_PORT,
  PROGRAM_CONTAINER,
  PROGRAM_PORT,
  READY_PORT,
} from '../names';
import { escapeVariables } from '../../pods/escapeVariables';
import { restrictedContainer, restrictedPod } from '../../pods/security';
import { identityAnnotations, identityMounts, identityVolume, uidOf } from '../../pods/userIdentity';
import { programAnnotations } from '../provenance';
import {
  EPHEMERAL_STORAGE_LIMIT,
  installContainer,
  requirementsMount,
  requirementsVariable,
  requirementsVolume,
} from './requirements';
import { heapOf, PROGRAM_RESOURCES, resourcesOf } from './resources';
import type { ProductionSettings, LaunchSpec } from '../types';

/** Where sandbox/production-pod/entry.py finds the input. Kubernetes would expand container arguments. */
const INPUT_DIRECTORY = '/input';

/** The pod template of a program. Its annotations make every submission a separate revision. */
export function programTemplate(
  userId: string,
  program: DeployedProgram,
  launch: LaunchSpec,
  settings: ProductionSettings,
): V1PodTemplateSpec {
  return {
    metadata: {
      labels: { ...labelsOf(userId, 'program'), ...launch.network.dns.labels },
      annotations: { ...programAnnotations('current', program), ...identityAnnotations(userId) },
    },
    spec: programPod(userId, program, launch, settings),
  };
}

/** The pod of a program: its container, its files and requirements, and the variables for its database. */
export function programPod(
  userId: string,
  program: DeployedProgram,
  launch: LaunchSpec,
  settings: ProductionSettings,
): V1PodSpec {
  const requires = launch.requirements.length > 0;
  const resources = settings.resources ?? PROGRAM_RESOURCES;
  const container: V1Container = {
    name: PROGRAM_CONTAINER,
    image: settings.programImage,
    imagePullPolicy: 'IfNotPresent',
    args: ['run', escapeVariables(launch.entrypoint)],
    env: [
      { name: 'LANGUAGE', value: launch.language },
      { name: 'MEMORY_MB', value: String(heapOf(resources)) },
      ...(requires ? [requirementsVariable] : []),
      ...(launch.hasInput ? [{ name: 'INPUT_DIRECTORY', value: INPUT_DIRECTORY }] : []),
      ...(launch.serves ? [{ name: 'SERVES', value: '1' }] : []),
      ...(launch.databaseStarts ? [{ name: 'DATABASE_STARTS', value: '1' }] : []),
      ...environmentVariables(userId),
      ...launch.network.proxyVariables,
    ],
    ports: [{ name: 'http', containerPort: PROGRAM_PORT }],
    // timeoutSeconds must stay above HOLD_SECONDS of sandbox/production-pod/readiness.py.
    readinessProbe: {
      httpGet: { path: '/ready', port: READY_PORT },
      periodSeconds: 1,
      timeoutSeconds: 3,
      failureThreshold: 2,
    },
    resources: resourcesOf(resources, requires ? EPHEMERAL_STORAGE_LIMIT : '256Mi'),
    securityContext: restrictedContainer(),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      ...identityMounts,
      { name: 'files', mountPath: '/app', readOnly: true },
      ...(launch.hasInput ? [{ name: 'input', mountPath: INPUT_DIRECTORY, readOnly: true }] : []),
      { name: 'work', mountPath: '/work' },
      { name: 'tmp', mountPath: '/tmp' },
      ...(requires ? [requirementsMount] : []),
    ],
  };
  return {
    ...restrictedPod(uidOf(userId)),
    ...launch.network.dns.spec,
    hostAliases: launch.network.hostAliases,
    // Above DRAIN_SECONDS of sandbox/production-pod/drain.py and STOP_SECONDS of entry.py together.
    terminationGracePeriodSeconds: 45,
    ...(requires && { initContainers: [installContainer(container, launch.requirements, settings)] }),
    containers: [container],
    volumes: [
      identityVolume,
      { name: 'files', configMap: { name: program.configMap, defaultMode: 0o444, items: items(launch) } },
      ...(launch.hasInput ? [inputVolume(program)] : []),
      // The program runs here, in a copy of its files. As large as in the test pod.
      { name: 'work', emptyDir: { sizeLimit: '128Mi' } },
      { name: 'tmp', emptyDir: { sizeLimit: '128Mi' } },
      ...(requires ? [requirementsVolume] : []),
    ],
  };
}

function inputVolume({ configMap: name }: DeployedProgram): V1Volume {
  const given = Object.entries(INPUT_KEYS).map(([path, key]) => ({ key, path }));
  return { name: 'input', configMap: { name, defaultMode: 0o444, items: given } };
}

/** Mounts each file under its original name and folder. */
function items({ files }: LaunchSpec): V1KeyToPath[] {
  return [...files].sort().map((path) => ({ key: keyOfFile(path), path }));
}

/** The program's ports and its database. The kubelet inserts the password, so that only the Secret contains it. */
function environmentVariables(userId: string): V1EnvVar[] {
  const { database } = namesOf(userId);
  return [
    { name: 'PORT', value: String(PROGRAM_PORT) },
    { name: 'READY_PORT', value: String(READY_PORT) },
    { name: 'PGHOST', value: database },
    { name: 'PGPORT', value: String(POSTGRES_PORT) },
    { name: 'PGUSER', value: DATABASE_ROLE },
    { name: 'PGDATABASE', value: DATABASE_ROLE },
    { name: 'PGPASSWORD', valueFrom: { secretKeyRef: { name: database, key: 'password' } } },
    { name: 'DATABASE_URL', value: 'postgresql://$(PGUSER):$(PGPASSWORD)@$(PGHOST):$(PGPORT)/$(PGDATABASE)' },
  ];
}
