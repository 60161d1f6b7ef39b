import type { Client, WorkflowHandle } from '@temporalio/client';
import { mayPass } from '../infrastructure/temporal/failures';

/** How long a worker may take to begin, in milliseconds. */
const BEGIN_WITHIN_MS = 30_000;

/** Events of a workflow that no worker has taken: started, and its first task scheduled. */
const UNTAKEN_EVENTS = 2;

/**
 * What a workflow comes to, however long that takes once a worker has begun with it.
 * @throws Error when none begins in time: it is withdrawn then, so that nothing is done later that nobody waits for
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
    if (!mayPass(error)) throw error;
  }
  const { historyLength } = await connection.withDeadline(Date.now() + withinMs, () => handle.describe());
  if (historyLength > UNTAKEN_EVENTS) return handle.result();
  const reason = `No worker of the task queue ${taskQueue} has begun within ${withinMs / 1000} s`;
  await connection.withDeadline(Date.now() + withinMs, () => handle.terminate(reason));
  throw new Error(`${reason}: nothing was done. Start a worker, or correct TEMPORAL_TASK_QUEUE.`);
}
