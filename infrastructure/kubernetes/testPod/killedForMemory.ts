import type { Kube } from '../api/client';
import { attemptToFind } from '../api/errors';
import { isInGvisor, namespaceOf, RUNNER_CONTAINER, testPodOf } from './names';

/** Exit code of the supervisor when it ends by itself, after a failure of its own (sandbox/test-pod/__main__.py). */
const FAILED_BY_ITSELF = 70;

/**
 * Whether the container of a test pod was killed for using too much memory. A sandbox of gVisor counts as killed for
 * that whenever something ended it: its kernel runs in the memory that the container may have.
 * @param since start of the current supervisor, in milliseconds since the epoch: earlier kills do not count
 */
export async function wasKilledForMemory(kube: Kube, userId: string, since: number): Promise<boolean> {
  const name = testPodOf(userId);
  const pod = await attemptToFind(`read Pod/${name}`, () =>
    kube.core.readNamespacedPod({ name, namespace: namespaceOf(userId) }),
  );
  const runner = pod?.status?.containerStatuses?.find((container) => container.name === RUNNER_CONTAINER);
  const ended = runner?.state?.terminated ?? runner?.lastState?.terminated;
  if (ended === undefined || new Date(ended.finishedAt ?? 0).getTime() < since) return false;
  const isSandbox = pod !== null && isInGvisor(pod);
  return (
    ended.reason === 'OOMKilled' || (isSandbox && ended.exitCode !== 0 && ended.exitCode !== FAILED_BY_ITSELF)
  );
}
