import type { Client, WorkflowHandle } from '@temporalio/client';
import { isTemporary } from '../infrastructure/temporal/temporaryErrors';

/** How long a worker may take to start the workflow, in milliseconds. */
const BEGIN_WITHIN_MS = 30_000;

/** The number of events of a workflow that no worker has picked up: started, and first task scheduled. */
const UNTAKEN_EVENTS = 2;

/**
 * Waits for the result of a workflow. Once a worker has started it, the wait has no limit.
 * @throws Error if no worker starts it in time. The workflow is then terminated, so that it does not run
 * later unnoticed
 */
export async function resultOf(
  { connection }: Client,
  handle: WorkflowHandle,
  taskQueue: string,
  withinMs = BEGIN_WITHIN_MS,
): Promise<unknown> {
  try {
    return await connection.withDeadline(Date.now() + withinMs, () => handle.result());
  } catch (error) {
    if (!isTemporary(error)) throw error;
  }
  const { historyLength } = await connection.withDeadline(Date.now() + withinMs, () => handle.describe());
  if (historyLength > UNTAKEN_EVENTS) return handle.result();
  const reason = `No worker of the task queue ${taskQueue} has begun within ${withinMs / 1000} s`;
  await connection.withDeadline(Date.now() + withinMs, () => handle.terminate(reason));
  throw new Error(`${reason}: nothing was done. Start a worker, or correct TEMPORAL_TASK_QUEUE.`);
}
