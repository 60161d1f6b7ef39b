import { createHash } from 'node:crypto';
import type { V1Container, V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { dnsOf, restrictedContainer, restrictedPod } from '../pods/security';
import { identityAnnotations, identityMounts, identityVolume, uidOf } from '../pods/userIdentity';
import {
  GVISOR_COMMAND,
  namespaceOf,
  relayCommand,
  RUNNER_CONTAINER,
  SUPERVISOR_VOLUME,
  testPodOf,
} from '../testPod/names';
import { testPodLabels } from './labels';
import { cpuQuantity } from '../production/program/resources';
import { DEFAULT_RUNTIME, type Runtime } from './runtime';
import { TEST_CPU_REQUEST, TEST_CPUS, TEST_MEMORY_MIB } from './settings';
import type { EnvironmentSettings, UserSettings } from './settings';

/** Annotation of the pod: a hash of its manifest. A pod with another hash has an older image or manifest. */
export const SPEC_ANNOTATION = 'orchestration-app/spec';

/**
 * Folders in memory, which count as the pod's memory. Runs may write to the first three, which are emptied
 * after each run. Requirements are in memory as well, because only there a volume's limit makes writes fail
 * instead of evicting the pod.
 */
const FOLDERS: Folder[] = [
  { name: 'work', mountPath: '/work', sizeLimit: '128Mi' },
  { name: 'tmp', mountPath: '/tmp', sizeLimit: '64Mi' },
  { name: 'shm', mountPath: '/dev/shm', sizeLimit: '64Mi' },
  { name: 'layers', mountPath: '/layers', sizeLimit: '384Mi' },
];

/** Where programs have namespaces of their own: the folder of the supervisor's socket, which they do not see. */
const SUPERVISOR_FOLDER: Folder = { name: SUPERVISOR_VOLUME, mountPath: '/supervisor', sizeLimit: '1Mi' };

interface Folder {
  name: string;
  mountPath: string;
  sizeLimit: string;
}

/** The pod in which a user's submissions are tested, one after the other. */
export function testPod(userId: string, settings: UserSettings): V1Pod {
  const dns = dnsOf(settings.plan?.egress);
  const runtime = settings.runtime ?? DEFAULT_RUNTIME;
  const folders = runtime.isGvisor ? [...FOLDERS, SUPERVISOR_FOLDER] : FOLDERS;
  const nodes = { ...settings.nodeSelector, ...settings.plan?.nodeSelector };
  const spec: V1Pod['spec'] = {
    ...restrictedPod(uidOf(userId)),
    ...dns.spec,
    ...(settings.packageIndex?.hostAliases && { hostAliases: settings.packageIndex.hostAliases }),
    restartPolicy: 'Always',
    // The supervisor ends immediately; the rest is for a busy node.
    terminationGracePeriodSeconds: 5,
    ...(runtime.className !== null && { runtimeClassName: runtime.className }),
    ...(Object.keys(nodes).length > 0 && { nodeSelector: nodes }),
    ...(settings.tolerations !== undefined && { tolerations: settings.tolerations }),
    containers: [runner(settings, folders, runtime)],
    volumes: [
      identityVolume,
      ...folders.map(({ name, sizeLimit }): V1Volume => {
        return { name, emptyDir: { medium: 'Memory', sizeLimit } };
      }),
    ],
  };
  const identity = identityAnnotations(userId);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: testPodOf(userId),
      namespace: namespaceOf(userId),
      labels: { ...testPodLabels(userId), ...dns.labels },
      annotations: { ...identity, [SPEC_ANNOTATION]: hashOf([spec, identity]) },
    },
    spec,
  };
}

function runner(
  { testImage, testMemoryMiB, testCpus, testCpuRequest }: EnvironmentSettings,
  folders: Folder[],
  { isGvisor }: Runtime,
): V1Container {
  const check = { exec: { command: [...relayCommand(isGvisor), '--check'] }, timeoutSeconds: 5 };
  return {
    name: RUNNER_CONTAINER,
    image: testImage,
    imagePullPolicy: 'IfNotPresent',
    ...(isGvisor && { command: GVISOR_COMMAND }),
    env: [{ name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }],
    // Each check starts an interpreter (40 ms of CPU time), so checks are frequent only until the pod is up.
    startupProbe: { ...check, periodSeconds: 1, failureThreshold: 120 },
    readinessProbe: { ...check, periodSeconds: 60, failureThreshold: 2 },
    resources: {
      requests: {
        cpu: cpuQuantity(testCpuRequest ?? TEST_CPU_REQUEST),
        memory: '64Mi',
        'ephemeral-storage': '32Mi',
      },
      limits: {
        cpu: String(testCpus ?? TEST_CPUS),
        memory: `${testMemoryMiB ?? TEST_MEMORY_MIB}Mi`,
        'ephemeral-storage': '128Mi',
      },
    },
    securityContext: restrictedContainer(),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      ...identityMounts,
      ...folders.map(({ name, mountPath }): V1VolumeMount => ({ name, mountPath })),
    ],
  };
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
