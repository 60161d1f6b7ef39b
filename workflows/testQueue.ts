import { defineQuery, defineSignal, getExternalWorkflowHandle, setHandler } from '@temporalio/workflow';
import { TEST_QUEUE_QUERY } from './contract';
import { serveQueue } from './serveQueue';
import { TestTurns, type TestClaim, type TestQueueState } from './testQueueState';

export const claimTestTurn = defineSignal<[TestClaim]>('claimTestTurn');
export const leaveTestTurn = defineSignal<[workflowId: string]>('leaveTestTurn');
export const testTurn = defineSignal('testTurn');
const stateQuery = defineQuery<TestQueueState>(TEST_QUEUE_QUERY);

/**
 * The queue for one user's test pod. Submissions that find the pod busy wait here for their turn, without
 * occupying a worker (docs/decisions/test-queue.md).
 */
export async function testQueue(state: TestQueueState): Promise<void> {
  const turns = new TestTurns(state);
  setHandler(stateQuery, () => turns.state);
  await serveQueue(turns, {
    claimSignal: claimTestTurn,
    leaveSignal: leaveTestTurn,
    send: (workflowId) => getExternalWorkflowHandle(workflowId).signal(testTurn),
    onUndeliverable: (workflowId) => turns.leave(workflowId),
    checkEvery: '10 s',
    idle: '1 min',
  });
}
