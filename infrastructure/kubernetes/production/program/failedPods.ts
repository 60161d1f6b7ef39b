import type { V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../../api/client';
import { attemptToFind } from '../../api/errors';
import { namesOf, selectorOf } from '../names';

/** Pods of a user's program that have ended and that its Deployment has replaced, newest first. */
export async function failedPods(kube: Kube, userId: string): Promise<V1Pod[]> {
  const { namespace } = namesOf(userId);
  const pods = await attemptToFind(`list failed pods in ${namespace}`, () =>
    kube.core.listNamespacedPod({
      namespace,
      labelSelector: selectorOf(userId, 'program'),
      fieldSelector: 'status.phase=Failed',
    }),
  );
  return (pods?.items ?? [])
    .filter(({ metadata }) => !metadata?.deletionTimestamp)
    .sort((one, other) => createdAt(other) - createdAt(one));
}

/**
 * Deletes pods that a Deployment leaves behind after an eviction.
 * @returns their names
 */
export async function deletePods(kube: Kube, pods: V1Pod[]): Promise<string[]> {
  const names = pods.map(({ metadata }) => ({
    name: metadata?.name ?? '',
    namespace: metadata?.namespace ?? '',
  }));
  await Promise.all(
    names.map(({ name, namespace }) =>
      attemptToFind(`delete Pod/${name} in ${namespace}`, () =>
        kube.core.deleteNamespacedPod({ name, namespace }),
      ),
    ),
  );
  return names.map(({ name }) => name);
}

export function createdAt({ metadata }: V1Pod): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}
