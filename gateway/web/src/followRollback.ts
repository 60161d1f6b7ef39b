import type { OperationState } from '../../submissions/operations';
import { call, CallFailed } from './session';

/** Timeout of a request, in milliseconds. The gateway answers after 50 s even if the rollback is still in progress. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Pause after a request that failed, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Deploys an earlier submission again, and waits until the rollback has ended.
 * @returns how it ended, for the user
 * @throws Error that says why it was refused, or the signal's reason
 */
export async function rollBack(user: string, submissionId: string, signal: AbortSignal): Promise<string> {
  const path = `/api/users/${encodeURIComponent(user)}`;
  const request = { submission_id: submissionId };
  let state = (await call('POST', `${path}/rollback`, request, ANSWER_TIMEOUT_MS)) as OperationState;
  // The request is not repeated: each one starts another rollback, which would replace a later submission.
  while (state.status === 'running') {
    signal.throwIfAborted();
    state = await stateOf(`${path}/operations/${state.operation_id}`, state);
  }
  return state.status === 'done' ? `Rolled back. ${state.message}` : state.message;
}

/** The state after the gateway waited for the end; the last one that is known if the gateway cannot be reached. */
async function stateOf(path: string, known: OperationState): Promise<OperationState> {
  try {
    return (await call('GET', path, undefined, ANSWER_TIMEOUT_MS)) as OperationState;
  } catch (error) {
    if (error instanceof CallFailed && error.status < 500) throw error;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return known;
  }
}
