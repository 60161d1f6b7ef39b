import { defineQuery, defineSignal, getExternalWorkflowHandle, setHandler } from '@temporalio/workflow';
import { CLAIM_TURN_SIGNAL, LEAVE_TURN_SIGNAL, ORDER_QUERY, TURN_SIGNAL } from './contract';
import { DeployQueue, type Claim, type DeployQueueState, type Turn } from './deployQueue';
import { serveQueue } from './serveQueue';

export const claimTurn = defineSignal<[Claim]>(CLAIM_TURN_SIGNAL);
export const leaveTurn = defineSignal<[workflowId: string, done: boolean]>(LEAVE_TURN_SIGNAL);
export const turnSignal = defineSignal<[Turn]>(TURN_SIGNAL);
const orderQuery = defineQuery<DeployQueueState>(ORDER_QUERY);

/**
 * While it is idle, the queue remembers the last change carried out, because a submission that was accepted
 * earlier must not be deployed after it. No submission is tested for longer than this.
 */
const IDLE = '1 d';

/** The deploy queue of one user: decides whose turn it is to change the user's production. */
export async function productionOrder(state: DeployQueueState): Promise<void> {
  const queue = new DeployQueue(state);
  setHandler(orderQuery, () => queue.state);
  await serveQueue(queue, {
    claimSignal: claimTurn,
    leaveSignal: leaveTurn,
    send: ({ workflowId, turn }) => getExternalWorkflowHandle(workflowId).signal(turnSignal, turn),
    // It is unknown whether the workflow carried out its change before it ended, so the change counts as carried out.
    onUndeliverable: ({ workflowId }) => queue.leave(workflowId, true),
    checkEvery: '5 s',
    idle: IDLE,
  });
}
