import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { orderIdOf, PRODUCTION_ORDER } from './contract';
import type { Claim, DeployQueueState, Turn } from './deployQueue';
import { claimTurn, leaveTurn, turnSignal } from './productionOrder';
import { signalOrStart } from './signalOrStart';
import type { BeforeEnd } from './recording';

/** After this time without an answer, the claim is sent again: an operator may have terminated the queue. */
const RESEND_CLAIM_AFTER = '30 s';

export type Claimed = Pick<Claim, 'id' | 'name' | 'acceptedAt' | 'yields'>;

/** The result for a claim that was superseded before its turn came. */
export class Superseded {
  constructor(readonly by: Pick<Claim, 'id' | 'name'>) {}
}

/**
 * Waits for the turn to change a user's production, does the work, and releases the turn, however the work
 * ends. A cancellation ends the wait immediately.
 * @param isDone whether the result means that the change was carried out; then no older one may follow
 */
export async function withProductionLock<T>(
  userId: string,
  claimed: Claimed,
  { deliveries }: BeforeEnd,
  work: () => Promise<T>,
  isDone: (result: T) => boolean,
): Promise<T | Superseded> {
  const { workflowId, startTime, taskQueue } = workflowInfo();
  const claim = { ...claimed, workflowId, startedAt: startTime.getTime() };
  const queueId = orderIdOf(taskQueue, userId);
  let done = false;
  try {
    const turn = await awaitTurn(queueId, claim);
    if (!turn.granted) return new Superseded(turn.by);
    const result = await work();
    done = isDone(result);
    return result;
  } finally {
    deliveries.push(release(queueId, workflowId, done));
  }
}

async function awaitTurn(queueId: string, claim: Claim): Promise<Turn> {
  let turn: Turn | undefined;
  setHandler(turnSignal, (answer) => {
    turn ??= answer;
  });
  const answered = () => turn !== undefined;
  const state: DeployQueueState = { holder: null, waiting: [claim], last: null };
  while (turn === undefined) {
    await signalOrStart(queueId, claimTurn, claim, PRODUCTION_ORDER, state);
    await condition(answered, RESEND_CLAIM_AFTER);
  }
  return turn;
}

/**
 * Resolves when the signal is delivered, or when it cannot be: a queue that has ended does not need it. The
 * server drops a signal of a workflow that ends in the same task.
 */
function release(queueId: string, workflowId: string, done: boolean): Promise<void> {
  return CancellationScope.nonCancellable(() =>
    getExternalWorkflowHandle(queueId)
      .signal(leaveTurn, workflowId, done)
      .catch(() => undefined),
  );
}
