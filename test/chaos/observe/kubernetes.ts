import { readFileSync, readdirSync } from 'node:fs';
import { ApiException, type V1Deployment } from '@kubernetes/client-node';
import type { Kube } from '../../../infrastructure/kubernetes/api/client';
import { programIn } from '../../../infrastructure/kubernetes/production/provenance';
import { readSettings } from '../../../local-stack/settings';
import { LEFT_BEHIND } from '../programs';

/** The programs that a user's Deployment names. */
export interface SeenProduction {
  live: string | null;
  current: string | null;
}

const NOTHING: SeenProduction = { live: null, current: null };

/**
 * ConfigMaps of at most this many programs are kept
 * (infrastructure/kubernetes/production/program/retention.ts).
 */
const KEPT_CONFIG_MAPS = 10;

export async function readProduction(kube: Kube, user: string): Promise<SeenProduction> {
  let deployment: V1Deployment;
  try {
    deployment = await kube.apps.readNamespacedDeployment({
      namespace: `user-${user}`,
      name: `${user}-prod`,
    });
  } catch (error) {
    if (error instanceof ApiException && error.code === 404) return NOTHING;
    throw error;
  }
  const { annotations } = deployment.metadata ?? {};
  return {
    live: programIn('live', annotations)?.submissionId ?? null,
    current: programIn('current', annotations)?.submissionId ?? null,
  };
}

/** The answer of the user's program at its Service. @throws Error when it does not answer */
export async function answerOf(kube: Kube, user: string): Promise<string> {
  const { spec } = await kube.core.readNamespacedService({ namespace: `user-${user}`, name: `${user}-prod` });
  const response = await fetch(`http://${spec?.clusterIP}`, { signal: AbortSignal.timeout(10_000) });
  return response.text();
}

/** Differences of a user's namespace from one test pod, one program and one database, as text. */
export async function leftInNamespace(kube: Kube, user: string): Promise<string[]> {
  const namespace = `user-${user}`;
  const [pods, configMaps, policies] = await Promise.all([
    kube.core.listNamespacedPod({ namespace }),
    kube.core.listNamespacedConfigMap({ namespace, labelSelector: 'app=prod' }),
    kube.objects.list('networking.k8s.io/v1', 'NetworkPolicy', namespace),
  ]);
  const names = pods.items.map(({ metadata }) => metadata?.name ?? '');
  const wanted = [`${user}-test`, `${user}-prod-db-0`, `${user}-prod-*`];
  const claimed = wanted.map((one) => names.find((name) => nameOfAll(name) === one));
  return [
    ...names.filter((name) => !claimed.includes(name)).map((name) => `the pod ${name} in ${namespace}`),
    ...claimed.flatMap((name, place) => (name ? [] : [`no pod ${wanted[place]} in ${namespace}`])),
    ...pods.items
      .filter(
        ({ status }) =>
          !status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      )
      .map(({ metadata }) => `the pod ${metadata?.name} in ${namespace} is not ready`),
    ...(configMaps.items.length > KEPT_CONFIG_MAPS
      ? [`${configMaps.items.length} ConfigMaps in ${namespace}`]
      : []),
    ...(policies.items.length === 0 ? [`no NetworkPolicy in ${namespace}`] : []),
  ];
}

/** Replaces the suffix that a Deployment adds to the names of its pods with `*`. */
function nameOfAll(pod: string): string {
  return pod.replace(/-prod-[0-9a-f]+-\w{5}$/, '-prod-*');
}

/** Processes in pods of this stack that a program left behind on purpose, as text. */
export function leftInPods(): string[] {
  const { cgroup } = readSettings();
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => textOf(`/proc/${pid}/cmdline`) === `${LEFT_BEHIND.join('\0')}\0`)
    .filter((pid) => textOf(`/proc/${pid}/cgroup`).includes(cgroup))
    .map((pid) => `the process ${pid} (${LEFT_BEHIND.join(' ')}) in a pod`);
}

/** Empty for a process that has exited. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
