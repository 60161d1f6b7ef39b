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
import { CLAIM_TURN_SIGNAL, LEAVE_TURN_SIGNAL, ORDER_QUERY, TURN_SIGNAL } from './contract';
import { DeployQueue, type Answer, type Claim, type DeployQueueState, type Turn } from './deployQueue';

export const claimTurn = defineSignal<[Claim]>(CLAIM_TURN_SIGNAL);
export const leaveTurn = defineSignal<[workflowId: string, done: boolean]>(LEAVE_TURN_SIGNAL);
export const turnSignal = defineSignal<[Turn]>(TURN_SIGNAL);
const orderQuery = defineQuery<DeployQueueState>(ORDER_QUERY);

/** How often it is looked whether the holder of the turn still exists, while others wait for it. */
const CHECK_EVERY = '5 s';

/**
 * How long nothing may happen before the order ends; the next claim starts a new one. Until then it remembers
 * what was carried out last: a submission that was accepted before that must not come after it, and none
 * is under test for so long.
 */
const IDLE = '1 d';

/**
 * Whose turn it is to change what one user has in production. One workflow for each user: claims reach it as
 * signals, and it answers with signals. A holder that has ended without leaving is found by that: a signal to
 * a workflow that is closed fails.
 */
export async function productionOrder(state: DeployQueueState): Promise<void> {
  const order = new DeployQueue(state);
  let touched = false;
  setHandler(claimTurn, (claim) => {
    touched = true;
    order.claim(claim);
  });
  setHandler(leaveTurn, (workflowId, done) => {
    touched = true;
    order.leave(workflowId, done);
  });
  setHandler(orderQuery, () => order.state);

  for (;;) {
    for (let answer = order.answers.shift(); answer; answer = order.answers.shift())
      await deliver(order, answer);
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof productionOrder>(order.state);

    touched = false;
    const happened = await condition(() => touched, order.waiting.length > 0 ? CHECK_EVERY : IDLE);
    if (happened) continue;
    if (order.holder === null) return;
    await deliver(order, { workflowId: order.holder.workflowId, turn: { granted: true } });
  }
}

/** One that has ended cannot be told, and has left. Whether it did what it claimed for is not known: it counts. */
async function deliver(order: DeployQueue, { workflowId, turn }: Answer): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(turnSignal, turn);
  } catch (error) {
    if (isCancellation(error)) throw error;
    order.leave(workflowId, true);
  }
}
