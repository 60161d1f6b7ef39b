import type {
  V1Container,
  V1EnvVar,
  V1KeyToPath,
  V1PodSpec,
  V1PodTemplateSpec,
} from '@kubernetes/client-node';
import { keyOfFile } from './fileNames';
import {
  DATABASE_ROLE,
  labelsOf,
  namesOf,
  POSTGRES_PORT,
  PROGRAM_CONTAINER,
  PROGRAM_PORT,
  READY_PORT,
} from './names';
import { restrictedContainer, restrictedPod } from '../pods/security';
import { programAnnotations } from './provenance';
import { EPHEMERAL_STORAGE_LIMIT, installing, layerMount, layerVariable, layerVolume } from './requirements';
import { heapOf, PROGRAM_RESOURCES, resourcesOf } from './resources';
import type { DeployedProgram, ProductionSettings, ProgramStart } from './types';

/** uid of infrastructure/prod/Dockerfile. */
const PROGRAM_UID = 10_001;

/** The pod of a program. Its annotations make every submission a revision of its own. */
export function programTemplate(
  userId: string,
  program: DeployedProgram,
  start: ProgramStart,
  settings: ProductionSettings,
): V1PodTemplateSpec {
  return {
    metadata: {
      labels: labelsOf(userId, 'program'),
      annotations: programAnnotations('current', program),
    },
    spec: programPod(userId, program, start, settings),
  };
}

/** What is in the pod of a program: its container, its files and requirements, a way to the database. */
export function programPod(
  userId: string,
  program: DeployedProgram,
  start: ProgramStart,
  settings: ProductionSettings,
): V1PodSpec {
  const requires = start.requirements.length > 0;
  const resources = settings.resources ?? PROGRAM_RESOURCES;
  const container: V1Container = {
    name: PROGRAM_CONTAINER,
    image: settings.programImage,
    imagePullPolicy: 'IfNotPresent',
    args: [start.entrypoint],
    env: [
      { name: 'LANGUAGE', value: start.language },
      { name: 'MEMORY_MB', value: String(heapOf(resources)) },
      ...(requires ? [layerVariable] : []),
      ...environment(userId),
    ],
    ports: [{ name: 'http', containerPort: PROGRAM_PORT }],
    // timeoutSeconds must stay above HOLD_SECONDS of infrastructure/prod/readiness.py.
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
      { name: 'files', mountPath: '/app', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
      ...(requires ? [layerMount] : []),
    ],
  };
  return {
    ...restrictedPod(PROGRAM_UID),
    terminationGracePeriodSeconds: 20,
    ...(requires && { initContainers: [installing(container, start.requirements, settings)] }),
    containers: [container],
    volumes: [
      { name: 'files', configMap: { name: program.configMap, defaultMode: 0o444, items: items(start) } },
      { name: 'tmp', emptyDir: { sizeLimit: '128Mi' } },
      ...(requires ? [layerVolume] : []),
    ],
  };
}

/** Gives each file its own name and folder back. */
function items({ files }: ProgramStart): V1KeyToPath[] {
  return [...files].sort().map((path) => ({ key: keyOfFile(path), path }));
}

/** The kubelet puts the password in: it is in no manifest but the Secret's. */
function environment(userId: string): V1EnvVar[] {
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
