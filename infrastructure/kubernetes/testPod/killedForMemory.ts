import type { Kube } from '../api/client';
import { attemptToFind } from '../api/errors';
import { namespaceOf, RUNNER_CONTAINER, testPodOf } from './names';

/**
 * Whether the container of a test pod was killed for using too much memory.
 * @param since start of the current supervisor, in milliseconds since the epoch: earlier kills do not count
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
