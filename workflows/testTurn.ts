import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunWait } from '../activities/ports';
import { TEST_POD_BUSY, TEST_QUEUE, testQueueIdOf } from './contract';
import { signalOrStart } from './signalOrStart';
import { claimTestTurn, leaveTestTurn, testTurn } from './testQueue';
import type { TestQueueState } from './testQueueState';

/** After this time without an answer, the claim is sent again: an operator may have terminated the queue. */
const RESEND_CLAIM_AFTER = '10 min';

/** The longest wait for a turn. After it, the submission fails. */
const MAX_WAIT_MS = 24 * 3_600_000;

/**
 * A submission that finds the pod's queue full is refused at once. Submissions that arrived earlier are
 * refused only after their brief wait in the pod. This delay lets them claim a turn first, so it must be
 * longer than that wait (infrastructure/kubernetes/testPod/attempt.ts).
 */
const FULL_QUEUE_DELAY = '2 s';

/**
 * Runs tests at once if the test pod is free, or becomes free within about a second. Otherwise it waits for a
 * turn, without occupying an activity, and then runs them.
 * @param deliveries receives what the workflow must wait for before it ends
 */
export async function briefOrInTurn<T>(
  { userId, acceptedAt }: { userId: string; acceptedAt: string },
  run: (wait: RunWait) => Promise<T>,
  deliveries: Promise<unknown>[],
): Promise<T> {
  try {
    return await run('brief');
  } catch (error) {
    const reason = reasonOfBusy(error);
    if (reason === null) throw error;
    if (reason === 'busy') await sleep(FULL_QUEUE_DELAY);
  }
  const { workflowId, taskQueue } = workflowInfo();
  const queueId = testQueueIdOf(taskQueue, userId);
  try {
    await awaitTestTurn(queueId, { workflowId, acceptedAt });
    return await run('in_turn');
  } finally {
    deliveries.push(leave(queueId, workflowId));
  }
}

async function awaitTestTurn(
  queueId: string,
  claim: { workflowId: string; acceptedAt: string },
): Promise<void> {
  let granted = false;
  setHandler(testTurn, () => {
    granted = true;
  });
  const state: TestQueueState = { holders: [], waiting: [claim] };
  const end = Date.now() + MAX_WAIT_MS;
  while (!granted) {
    if (Date.now() >= end)
      throw ApplicationFailure.nonRetryable(
        'The test pod was busy with earlier submissions for a day.',
        TEST_POD_BUSY,
      );
    await signalOrStart(queueId, claimTestTurn, claim, TEST_QUEUE, state);
    await condition(() => granted, RESEND_CLAIM_AFTER);
  }
}

/**
 * Resolves when the signal is delivered, or when it cannot be: a queue that has ended does not need it. The
 * server drops a signal of a workflow that ends in the same task.
 */
function leave(queueId: string, workflowId: string): Promise<void> {
  return CancellationScope.nonCancellable(() =>
    getExternalWorkflowHandle(queueId)
      .signal(leaveTestTurn, workflowId)
      .catch(() => undefined),
  );
}

/** The supervisor's error code (sandbox/test-pod/PROTOCOL.md), or null for any other failure. */
function reasonOfBusy(error: unknown): string | null {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure) || cause.type !== TEST_POD_BUSY) return null;
  const [details] = (cause.details ?? []) as { reason?: string }[];
  return details?.reason ?? '';
}
