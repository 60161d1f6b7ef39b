import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { AWAIT_TURN, orderIdOf, PRODUCTION_ORDER } from './contract';
import type { Claim, DeployQueueState, Turn } from './deployQueue';
import { claimTurn, leaveTurn, turnSignal } from './productionOrder';
import { signalOrStart } from './signalOrStart';
import type { ActionRecorder } from './actionRecorder';

/** After this time without an answer the claim is made again: an operator may have ended the order meanwhile. */
const CLAIM_AGAIN = '30 s';

export type Claimed = Pick<Claim, 'id' | 'name' | 'acceptedAt' | 'yields'>;

/** A turn that never came. */
export class Superseded {
  constructor(readonly by: Pick<Claim, 'id' | 'name'>) {}
}

/**
 * Waits for the turn to change what a user has in production, does the work, and lets the next one go on,
 * however the work ends. A cancellation ends the wait at once.
 * @param isDone whether the result is what was claimed for: then nothing older may come after it
 */
export async function withProductionLock<T>(
  userId: string,
  claimed: Claimed,
  recorder: ActionRecorder,
  work: () => Promise<T>,
  isDone: (result: T) => boolean,
): Promise<T | Superseded> {
  const { workflowId, startTime, taskQueue } = workflowInfo();
  const claim = { ...claimed, workflowId, startedAt: startTime.getTime() };
  const orderId = orderIdOf(taskQueue, userId);
  let done = false;
  try {
    const turn = await recorder.stage(AWAIT_TURN, () => awaitTurn(orderId, claim), readTurn);
    if (!turn.granted) return new Superseded(turn.by);
    const result = await work();
    done = isDone(result);
    return result;
  } finally {
    release(orderId, workflowId, done);
  }
}

async function awaitTurn(orderId: string, claim: Claim): Promise<Turn> {
  let turn: Turn | undefined;
  setHandler(turnSignal, (answer) => {
    turn ??= answer;
  });
  const answered = () => turn !== undefined;
  const state: DeployQueueState = { holder: null, waiting: [claim], last: null };
  while (turn === undefined) {
    await signalOrStart(orderId, claimTurn, claim, PRODUCTION_ORDER, state);
    await condition(answered, CLAIM_AGAIN);
  }
  return turn;
}

/** Nothing waits for this to arrive: an order that is gone needs to know nothing. */
function release(orderId: string, workflowId: string, done: boolean): void {
  void CancellationScope.nonCancellable(() =>
    getExternalWorkflowHandle(orderId)
      .signal(leaveTurn, workflowId, done)
      .catch(() => undefined),
  );
}

function readTurn(turn: Turn) {
  if (turn.granted) return {};
  return { outcome: 'failure', reason: 'superseded', details: turn.by } as const;
}
