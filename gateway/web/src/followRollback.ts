import type { Live } from '../../protocol/live';
import { call } from './session';

/** Timeout of the request, in milliseconds. The gateway answers after 50 s even if the rollback is still in progress. */
const ANSWER_TIMEOUT_MS = 60_000;

const POLL_MS = 1_000;

/**
 * Without any rollout for this time, the rollback is no longer followed: it was superseded or failed before its
 * rollout, which production does not show. Longer than the migration of a submission before it (10 min).
 */
const IDLE_MINUTES = 15;

const ROLLED_BACK = 'Rolled back. The program is in production.';
const FAILED = 'Rollback failed: the program did not become live. Production shows what is live now.';
const NOT_STARTED =
  `No rollout has started for ${IDLE_MINUTES} minutes: the rollback failed, or a later change replaced it. ` +
  'Production shows what is live now.';

interface Rollback {
  operation_id: string;
  status: 'running' | 'done' | 'failed' | 'superseded';
  message: string;
}

/**
 * Deploys an earlier submission again, and waits until the rollback has ended.
 * @returns how it ended, for the user
 * @throws Error that says why it was refused, or the signal's reason
 */
export async function rollBack(user: string, submissionId: string, signal: AbortSignal): Promise<string> {
  const path = `/api/users/${encodeURIComponent(user)}`;
  const target = { submission_id: submissionId };
  const rollback = (await call('POST', `${path}/rollback`, target, ANSWER_TIMEOUT_MS)) as Rollback;
  if (rollback.status === 'done') return `Rolled back. ${rollback.message}`;
  if (rollback.status !== 'running') return rollback.message;
  // The request is not repeated: each one starts another rollback, which would replace a later submission.
  return followProduction(`${path}/live`, submissionId, `operation-${rollback.operation_id}`, signal);
}

/** Polls production until the rollback, which is a workflow with the given id, has ended. */
async function followProduction(
  path: string,
  submissionId: string,
  workflowId: string,
  signal: AbortSignal,
): Promise<string> {
  let first: Live | null = null;
  let hasStarted = false;
  let lastRolloutAt = Date.now();
  for (;;) {
    // The gateway may be unreachable for a while: then the next poll may succeed.
    const production = (await call('GET', path).catch(() => null)) as Live | null;
    signal.throwIfAborted();
    if (production !== null) {
      first ??= production;
      const { live, rolling_out: rollingOut } = production;
      // If another rollback has deployed the submission meanwhile, this one ends without a rollout.
      const isNew = live?.workflow_id === workflowId || live?.run_id !== first.live?.run_id;
      if (live?.submission_id === submissionId && isNew) return ROLLED_BACK;
      hasStarted ||= [live, rollingOut].some((program) => program?.workflow_id === workflowId);
      if (hasStarted && rollingOut?.workflow_id !== workflowId) return FAILED;
      if (rollingOut !== null) lastRolloutAt = Date.now();
    }
    if (Date.now() - lastRolloutAt > IDLE_MINUTES * 60_000) return NOT_STARTED;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    signal.throwIfAborted();
  }
}
