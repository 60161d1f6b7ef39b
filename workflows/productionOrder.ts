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

/** How often the queue checks whether the holder of the turn still exists, while others wait. */
const CHECK_EVERY = '5 s';

/**
 * After this time without a signal, the queue ends, and the next claim starts a new one. Until then it
 * remembers the last change carried out, because a submission that was accepted earlier must not be deployed
 * after it. No submission is tested for longer than this.
 */
const IDLE = '1 d';

/**
 * The deploy queue of one user: decides whose turn it is to change the user's production. Claims arrive as
 * signals, and it answers with signals. It detects a holder that ended without leaving, because a signal to a
 * closed workflow fails.
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

/**
 * Sends an answer. A receiver that has ended leaves the queue. It is unknown whether it carried out its
 * change, so the change counts as carried out.
 */
async function deliver(order: DeployQueue, { workflowId, turn }: Answer): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(turnSignal, turn);
  } catch (error) {
    if (isCancellation(error)) throw error;
    order.leave(workflowId, true);
  }
}
