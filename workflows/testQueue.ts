import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { TEST_QUEUE_QUERY } from './contract';
import { TestTurns, type TestClaim, type TestQueueState } from './testQueueState';

export const claimTestTurn = defineSignal<[TestClaim]>('claimTestTurn');
export const leaveTestTurn = defineSignal<[workflowId: string]>('leaveTestTurn');
export const testTurn = defineSignal('testTurn');
const stateQuery = defineQuery<TestQueueState>(TEST_QUEUE_QUERY);

/** How often the queue checks whether the holders of a turn still exist, while others wait. */
const CHECK_EVERY = '10 s';

/** After this time without a signal, the queue ends, and the next claim starts a new one. */
const IDLE = '1 min';

/**
 * The queue for one user's test pod. Submissions that find the pod busy wait here for their turn, without
 * occupying a worker (docs/decisions/test-queue.md). Claims arrive as signals, and it answers with signals.
 * It detects a holder that ended without leaving, because a signal to a closed workflow fails.
 */
export async function testQueue(state: TestQueueState): Promise<void> {
  const turns = new TestTurns(state);
  let touched = false;
  setHandler(claimTestTurn, (claim) => {
    touched = true;
    turns.claim(claim);
  });
  setHandler(leaveTestTurn, (workflowId) => {
    touched = true;
    turns.leave(workflowId);
  });
  setHandler(stateQuery, () => turns.state);

  for (;;) {
    for (let next = turns.toNotify.shift(); next !== undefined; next = turns.toNotify.shift())
      await grant(turns, next);
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof testQueue>(turns.state);

    touched = false;
    const { waiting, holders } = turns.state;
    const happened = await condition(() => touched, waiting.length > 0 ? CHECK_EVERY : IDLE);
    if (happened) continue;
    if (holders.length === 0) return;
    turns.notifyHoldersAgain();
  }
}

async function grant(turns: TestTurns, workflowId: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(testTurn);
  } catch (error) {
    if (isCancellation(error)) throw error;
    turns.leave(workflowId);
  }
}
