import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { decoded } from './payloads';

export interface Execution {
  workflowId: string;
  runId: string;
}

/** Executions per request to Temporal. */
const PAGE = 1_000;

/** Timeout of one request, in milliseconds. */
const DEADLINE_MS = 30_000;

/** All events of a workflow so far, decoded. @throws WorkflowNotFoundError, ServiceError */
export async function historyOf(
  client: Client,
  { workflowId, runId }: Execution,
): Promise<temporal.api.history.v1.IHistoryEvent[]> {
  const { events } = await client.connection.withDeadline(Date.now() + DEADLINE_MS, () =>
    client.workflow.getHandle(workflowId, runId).fetchHistory(),
  );
  return decoded(client, events ?? []);
}

/**
 * The closed workflows of a task queue that are of one of these types, page by page, the newest first.
 * @param since only those that closed at this time or later; null for all that Temporal keeps
 */
export async function* closedWorkflows(
  client: Client,
  taskQueue: string,
  types: readonly string[],
  since: Date | null,
): AsyncGenerator<Execution[]> {
  const query = [
    `TaskQueue = '${taskQueue}' AND ExecutionStatus != 'Running'`,
    `WorkflowType IN (${types.map((type) => `'${type}'`).join(', ')})`,
    ...(since === null ? [] : [`CloseTime >= '${since.toISOString()}'`]),
  ].join(' AND ');
  let page: Execution[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query, pageSize: PAGE })) {
    page.push({ workflowId, runId });
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
