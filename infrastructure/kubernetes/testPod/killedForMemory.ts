import type { Kube } from '../api/client';
import { attemptToFind } from '../api/errors';
import { namespaceOf, RUNNER_CONTAINER, testPodOf } from './names';

/**
 * Whether the kernel has ended the container of a test pod for want of memory.
 * @param since when the supervisor began that was at work there, in milliseconds since the epoch: what ended before
 * is not meant
 */
export async function wasKilledForMemory(kube: Kube, userId: string, since: number): Promise<boolean> {
  const name = testPodOf(userId);
  const pod = await attemptToFind(`read Pod/${name}`, () =>
    kube.core.readNamespacedPod({ name, namespace: namespaceOf(userId) }),
  );
  const runner = pod?.status?.containerStatuses?.find((container) => container.name === RUNNER_CONTAINER);
  const ended = runner?.state?.terminated ?? runner?.lastState?.terminated;
  return ended?.reason === 'OOMKilled' && new Date(ended.finishedAt ?? 0).getTime() >= since;
}
