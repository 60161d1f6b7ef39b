import { randomUUID } from 'node:crypto';
import { ApplicationFailure, WorkflowFailedError, type Client } from '@temporalio/client';
import { z } from 'zod';
import { isTemporary } from '../../infrastructure/temporal/temporaryErrors';
import { namespaceOf, operationIdOf, OPERATIONS } from '../../workflows/contract';
import type { OperationReport, RollBackToInput } from '../../workflows/contract';

/** The state of an operation on a user's production. */
export const operationState = z
  .object({
    operation_id: z.string(),
    user_id: z.string(),
    namespace: z.string(),
    status: z.enum(['running', 'done', 'failed', 'superseded']),
    message: z.string(),
    live: z
      .object({ submission_id: z.string(), code_digest: z.string() })
      .nullable()
      .describe('What is in production now; null when nothing is, or while it is running.'),
  })
  .meta({ title: 'Operation' });

export type OperationState = z.infer<typeof operationState>;

/** The operation cannot be carried out: the submission is unknown, or was never live. */
export class OperationRefused extends Error {
  override name = 'OperationRefused';
}

/**
 * Deploys an earlier submission of a user again, when its turn comes. Continues even when the wait has ended.
 * @throws OperationRefused
 */
export async function rollBack(
  client: Client,
  taskQueue: string,
  asked: Pick<RollBackToInput, 'userId' | 'submissionId' | 'requestedBy'>,
  { startMs, waitMs }: { startMs: number; waitMs: number },
): Promise<OperationState> {
  const { userId } = asked;
  const id = randomUUID();
  const { connection, workflow } = client;
  const input: RollBackToInput = { ...asked, acceptedAt: new Date().toISOString() };
  const handle = await connection.withDeadline(Date.now() + startMs, () =>
    workflow.start(OPERATIONS.rollback, {
      workflowId: operationIdOf(id),
      taskQueue,
      args: [input],
      priority: { fairnessKey: userId },
    }),
  );
  const state = { operation_id: id, user_id: userId, namespace: namespaceOf(userId) };
  try {
    const wait = connection.withDeadline(Date.now() + waitMs, () => handle.result());
    const { status, message, production } = (await wait) as OperationReport;
    const { submissionId: submission_id, codeDigest: code_digest } = production.live ?? {};
    const live = submission_id && code_digest ? { submission_id, code_digest } : null;
    return { ...state, status, message, live };
  } catch (error) {
    if (isTemporary(error)) return { ...state, status: 'running', message: 'Still in progress.', live: null };
    if (error instanceof WorkflowFailedError && isRefusal(error.cause))
      throw new OperationRefused(error.cause.message, { cause: error });
    throw error;
  }
}

/** Failure types with which the workflow rejects a request. */
const REFUSALS = ['NotFound', 'NeverDeployed'];

function isRefusal(cause: Error | undefined): cause is ApplicationFailure {
  return cause instanceof ApplicationFailure && REFUSALS.includes(cause.type ?? '');
}
