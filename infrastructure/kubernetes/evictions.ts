import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import type { Kube } from './api/client';
import { userNamespaces } from './environment/userNamespaces';
import { diskEviction } from './pods/eviction';
import { createdAt, deletePods, failedPods } from './production/program/failedPods';
import { readDeployment } from './production/program/program';
import { scaleToZero } from './production/program/scaleToZero';
import { STOPPED_ANNOTATION } from './production/program/stopped';
import { programIn } from './production/provenance';

/**
 * A program that fills its disk is evicted, and its Deployment replaces it at once: without an end, as there is
 * no back-off as for a container that crashes. After this many evictions within this time it is stopped.
 */
const MAX_EVICTIONS = 3;
const WITHIN_MS = 30 * 60_000;

/**
 * Stops programs that fill their disk again and again, until the user's next deployment, and deletes the pods
 * that evictions leave behind, except the newest.
 * @param selector label selector that limits which users are checked; all users when not given
 * @returns what was stopped and deleted, such as `Deployment/test-prod`
 */
export async function sweepEvicted(kube: Kube, selector?: string): Promise<string[]> {
  const gone: string[] = [];
  for (const { userId } of await userNamespaces(kube, selector)) {
    const failed = await failedPods(kube, userId);
    if (failed.length === 0) continue;
    const deployment = await readDeployment(kube, userId);
    if (deployment && fillsItsDisk(deployment, failed) && (await stop(kube, deployment)))
      gone.push(`Deployment/${deployment.metadata?.name}`);
    const deleted = await deletePods(kube, failed.slice(MAX_EVICTIONS));
    gone.push(...deleted.map((name) => `Pod/${name}`));
  }
  return gone;
}

/** Whether the current program was evicted too often. @param failed its failed pods, newest first */
export function fillsItsDisk({ metadata, spec }: V1Deployment, failed: V1Pod[], now = Date.now()): boolean {
  const runId = programIn('current', metadata?.annotations)?.runId;
  const evicted = failed.filter(
    (pod) => diskEviction(pod) !== null && programIn('current', pod.metadata?.annotations)?.runId === runId,
  );
  const first = evicted[MAX_EVICTIONS - 1];
  return spec?.replicas !== 0 && first !== undefined && now - createdAt(first) < WITHIN_MS;
}

function stop(kube: Kube, deployment: V1Deployment): Promise<boolean> {
  const runId = programIn('current', deployment.metadata?.annotations)?.runId ?? '';
  return scaleToZero(kube, deployment, { [STOPPED_ANNOTATION]: runId });
}
