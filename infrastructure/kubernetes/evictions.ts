import { PatchStrategy, type V1Deployment, type V1Pod } from '@kubernetes/client-node';
import { FIELD_MANAGER } from './api/apply';
import type { Kube } from './api/client';
import { attempt, isConflict, isNotFound } from './api/errors';
import { USER_NAMESPACES } from './environment/labels';
import { diskEviction } from './pods/eviction';
import { createdAt, deletePods, failedPods } from './production/program/failedPods';
import { readDeployment } from './production/program/program';
import { STOPPED_ANNOTATION } from './production/program/stopped';
import { programIn } from './production/provenance';

/**
 * A program that fills its disk is evicted, and its Deployment replaces it at once: without an end, as there is
 * no back-off as for a container that crashes. After this many evictions within this time it is stopped.
 */
const MAX_EVICTIONS = 3;
const WITHIN_MS = 30 * 60_000;

const USER_LABEL = 'orchestration-app/user';

/**
 * Stops programs that fill their disk again and again, until the user's next deployment, and deletes the pods
 * that evictions leave behind, except the newest.
 * @param selector label selector that limits which users are checked; all users when not given
 * @returns what was stopped and deleted, such as `Deployment/test-prod`
 */
export async function sweepEvicted(kube: Kube, selector?: string): Promise<string[]> {
  const labelSelector = selector === undefined ? USER_NAMESPACES : `${USER_NAMESPACES},${selector}`;
  const { items } = await attempt('list namespaces of users', () =>
    kube.core.listNamespace({ labelSelector }),
  );
  const gone: string[] = [];
  for (const { metadata } of items) {
    const userId = metadata?.labels?.[USER_LABEL];
    if (userId === undefined || metadata?.deletionTimestamp) continue;
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

/** Scales to zero, until the next program is applied. @returns false when it was changed meanwhile */
async function stop(kube: Kube, { metadata }: V1Deployment): Promise<boolean> {
  const { name, namespace, uid, resourceVersion, annotations } = metadata ?? {};
  const runId = programIn('current', annotations)?.runId ?? '';
  const patch = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, uid, resourceVersion, annotations: { [STOPPED_ANNOTATION]: runId } },
    spec: { replicas: 0 },
  } as unknown as V1Deployment;
  try {
    await attempt(`scale Deployment/${name} to 0`, () =>
      kube.objects.patch(
        patch,
        undefined,
        undefined,
        `${FIELD_MANAGER}-idle`,
        undefined,
        PatchStrategy.MergePatch,
      ),
    );
    return true;
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return false;
    throw error;
  }
}
