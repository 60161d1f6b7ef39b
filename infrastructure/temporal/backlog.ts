import type { Client } from '@temporalio/client';

/** Number of open submissions of a task queue, over all workers. */
export interface OpenSubmissions {
  /** Without a verdict yet. */
  running: number;
  /** With a verdict, but with actions that are not yet in Elasticsearch. */
  unrecorded: number;
}

/** How long a count is reused, in milliseconds: counting is expensive for Temporal. */
const KEPT_MS = 10_000;

const DEADLINE_MS = 3_000;

/**
 * Counts open submissions; NaN while Temporal does not answer. The query uses attributes and a workflow type
 * of workflows/contract.ts.
 */
export function openSubmissions({ workflow, connection }: Client, taskQueue: string) {
  const open = `TaskQueue = '${taskQueue}' AND WorkflowType = 'submitCode' AND ExecutionStatus = 'Running'`;
  const count = async (more: string) => {
    const counting = connection.withDeadline(Date.now() + DEADLINE_MS, () =>
      workflow.count(`${open} AND ${more}`),
    );
    return counting.then(
      (counted) => counted.count,
      () => NaN,
    );
  };
  let known: Promise<OpenSubmissions> | undefined;
  let knownSince = 0;

  async function look(): Promise<OpenSubmissions> {
    const [running, unrecorded] = await Promise.all([
      count("SubmissionStatus = 'running'"),
      count("SubmissionStatus != 'running'"),
    ]);
    return { running, unrecorded };
  }

  return (): Promise<OpenSubmissions> => {
    if (known && performance.now() - knownSince < KEPT_MS) return known;
    knownSince = performance.now();
    return (known = look());
  };
}
