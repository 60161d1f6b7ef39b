import { randomUUID } from 'node:crypto';
import {
  ApplicationFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import { z } from 'zod';
import { isTemporary } from '../../infrastructure/temporal/temporaryErrors';
import { inputOf } from '../../infrastructure/temporal/workflowRecords';
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
      .describe('What is in production now; null if nothing is, or while the operation is running.'),
  })
  .meta({ title: 'Operation' });

export type OperationState = z.infer<typeof operationState>;

/** The operation cannot be carried out: the submission is unknown, or was never live. */
export class OperationRefused extends Error {
  override name = 'OperationRefused';
}

/** The user has no operation with that id, or its history has expired. */
export class OperationNotFound extends Error {
  override name = 'OperationNotFound';
}

/** Starts to deploy an earlier submission of a user again, when its turn comes. @returns the id of the operation */
export async function startRollback(
  client: Client,
  taskQueue: string,
  request: Pick<RollBackToInput, 'userId' | 'submissionId' | 'requestedBy'>,
): Promise<string> {
  const id = randomUUID();
  const input: RollBackToInput = { ...request, acceptedAt: new Date().toISOString() };
  await client.workflow.start(OPERATIONS.rollback, {
    workflowId: operationIdOf(id),
    taskQueue,
    args: [input],
    priority: { fairnessKey: request.userId },
  });
  return id;
}

/**
 * Waits up to `waitMs` for the end of an operation, which continues when the wait has ended.
 * @throws OperationNotFound, OperationRefused
 */
export async function waitForOperation(
  client: Client,
  { userId, operationId }: { userId: string; operationId: string },
  { callTimeoutMs, waitMs }: { callTimeoutMs: number; waitMs: number },
): Promise<OperationState> {
  const { connection } = client;
  const workflowId = operationIdOf(operationId);
  const handle = client.workflow.getHandle(workflowId);
  const { isRunning, input } = await connection
    .withDeadline(Date.now() + callTimeoutMs, async () => {
      const { status, runId } = await handle.describe();
      return { isRunning: status.name === 'RUNNING', input: await inputOf(client, workflowId, runId) };
    })
    .catch((error: unknown) => {
      throw error instanceof WorkflowNotFoundError ? notFound(operationId, error) : error;
    });
  if ((input as RollBackToInput).userId !== userId) throw notFound(operationId);
  const state = { operation_id: operationId, user_id: userId, namespace: namespaceOf(userId) };
  const running = { ...state, status: 'running' as const, message: 'Still in progress.', live: null };
  if (isRunning && waitMs <= 0) return running;
  try {
    const timeoutMs = isRunning ? waitMs : callTimeoutMs;
    const result = connection.withDeadline(Date.now() + timeoutMs, () => handle.result());
    const { status, message, production } = (await result) as OperationReport;
    const { submissionId: submission_id, codeDigest: code_digest } = production.live ?? {};
    const live = submission_id && code_digest ? { submission_id, code_digest } : null;
    return { ...state, status, message, live };
  } catch (error) {
    if (isRunning && isTemporary(error)) return running;
    if (error instanceof WorkflowFailedError && isRefusal(error.cause))
      throw new OperationRefused(error.cause.message, { cause: error });
    throw error;
  }
}

function notFound(operationId: string, cause?: Error): OperationNotFound {
  return new OperationNotFound(`there is no operation ${operationId} of this user`, { cause });
}

/** Failure types with which the workflow rejects a request. */
const REFUSALS = ['NotFound', 'NeverDeployed'];

function isRefusal(cause: Error | undefined): cause is ApplicationFailure {
  return cause instanceof ApplicationFailure && REFUSALS.includes(cause.type ?? '');
}
