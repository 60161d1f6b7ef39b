import { setTimeout as pauseFor } from 'node:timers/promises';
import type { V1SelfSubjectAccessReview } from '@kubernetes/client-node';
import { attempt, PlatformError } from '../api/errors';
import { namespaceOf } from '../testPod/names';
import type { ReconcileContext } from './reconcileContext';

/** The API server takes some 100 ms to notice a new RoleBinding. In milliseconds. */
const POLL = { pauseMs: 50, deadlineMs: 10_000 };

/**
 * Waits until the RoleBinding in the user's namespace is in effect. It binds one ClusterRole, so one of its
 * rights shows that all are there.
 * @throws PlatformError `Rejected` when they are not, because ClusterRole or RoleBinding is a different one
 */
export async function awaitRights({ kube, userId, signal, timeLeft }: ReconcileContext): Promise<void> {
  const namespace = namespaceOf(userId);
  const question: V1SelfSubjectAccessReview = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { namespace, verb: 'create', resource: 'pods' } },
  };
  const end = performance.now() + Math.min(POLL.deadlineMs, timeLeft());
  for (;;) {
    const { status } = await attempt(`check the rights in ${namespace}`, () =>
      kube.authorization.createSelfSubjectAccessReview({ body: question }),
    );
    if (status?.allowed === true) return;
    if (performance.now() > end)
      throw new PlatformError(
        'Rejected',
        `The worker has no rights in ${namespace} although they were bound: is infrastructure/rbac.yaml applied?`,
      );
    await pauseFor(POLL.pauseMs, undefined, { signal });
  }
}
