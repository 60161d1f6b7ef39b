import { setTimeout as pause } from 'node:timers/promises';
import type { Kube } from '../infrastructure/kubernetes/api/client';

/** Kinds of objects that a submission, a rollout or a Job writes, by their API path. */
const COLLECTIONS = [
  ['/api/v1', 'pods'],
  ['/api/v1', 'events'],
  ['/api/v1', 'configmaps'],
  ['/api/v1', 'secrets'],
  ['/api/v1', 'services'],
  ['/api/v1', 'endpoints'],
  ['/api/v1', 'resourcequotas'],
  ['/api/v1', 'persistentvolumeclaims'],
  ['/apis/apps/v1', 'deployments'],
  ['/apis/apps/v1', 'replicasets'],
  ['/apis/apps/v1', 'statefulsets'],
  ['/apis/apps/v1', 'controllerrevisions'],
  ['/apis/batch/v1', 'jobs'],
  ['/apis/discovery.k8s.io/v1', 'endpointslices'],
] as const;

/** How long it takes at most until a write reaches the watches, in milliseconds. */
const SETTLE_MS = 1_500;

/**
 * Counts writes to a namespace by any client: each write to an object is one watch event. The API server's
 * own counters would include other activity on the same cluster.
 */
export async function countWrites(kube: Kube, namespace: string): Promise<() => Promise<number>> {
  let counted = 0;
  const faults: unknown[] = [];
  const requests = await Promise.all(
    COLLECTIONS.map(([root, plural]) =>
      kube.watch.watch(
        `${root}/namespaces/${namespace}/${plural}`,
        {},
        () => (counted += 1),
        (error: unknown) => error && faults.push(error),
      ),
    ),
  );
  await pause(SETTLE_MS);
  counted = 0; // A watch first lists the objects that already exist.
  return async () => {
    await pause(SETTLE_MS);
    const before = [...faults];
    for (const request of requests) request.abort();
    if (before.length > 0) throw new Error('A watch ended early.', { cause: before[0] });
    return counted;
  };
}
