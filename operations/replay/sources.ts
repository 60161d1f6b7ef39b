import { readFile } from 'node:fs/promises';
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { parseHistory, type History, type HistoryFile } from './history';

/** A history to replay. `history` rejects if it cannot be read. */
export interface Source {
  /** Its name for people: a file, or a workflow and its run. */
  name: string;
  workflowId: string;
  history: () => Promise<History | HistoryFile>;
}

/** An exported history. */
export function fromFile(path: string): Source {
  return { name: path, workflowId: path, history: async () => parseHistory(await readFile(path, 'utf8')) };
}

/** One workflow on the server. Without a run id, its newest run. */
export function fromWorkflow({ workflow }: Client, workflowId: string, runId?: string): Source {
  const name = runId ? `${workflowId} ${runId}` : workflowId;
  return { name, workflowId, history: () => workflow.getHandle(workflowId, runId).fetchHistory() };
}

/** The workflows that match a Temporal list filter, at most `most`, the newest first. */
export async function* fromQuery(client: Client, query: string, most: number): AsyncGenerator<Source> {
  let count = 0;
  for await (const { workflowId, runId } of list(client, query)) {
    if (count++ === most) return;
    yield fromWorkflow(client, workflowId, runId);
  }
}

/** Every open run of a task queue, and the newest `closed` closed runs of each workflow type. */
export async function* forGate(client: Client, taskQueue: string, closed: number): AsyncGenerator<Source> {
  const ours = `TaskQueue = ${JSON.stringify(taskQueue)}`;
  const types = new Map<string, number>();
  yield* fromQuery(client, `${ours} AND ExecutionStatus = "Running"`, Infinity);
  for await (const { type, workflowId, runId } of list(client, `${ours} AND ExecutionStatus != "Running"`)) {
    const count = types.get(type) ?? 0;
    if (count === closed) continue;
    types.set(type, count + 1);
    yield fromWorkflow(client, workflowId, runId);
  }
}

function list({ workflow }: Client, query: string): AsyncIterable<WorkflowExecutionInfo> {
  return workflow.list({ query });
}
