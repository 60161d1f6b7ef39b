import type { Client } from '@temporalio/client';

/** How many submissions of a task queue are open, all workers together. */
export interface OpenSubmissions {
  /** Without a verdict yet. */
  running: number;
  /** With a verdict, and actions that are not in Elasticsearch yet. */
  unrecorded: number;
}

/** A count that is asked for more often is one of before, in milliseconds: counting is no small thing for Temporal. */
const KEPT_MS = 10_000;

const DEADLINE_MS = 3_000;

/** Counts open submissions; NaN while Temporal does not answer. Attributes and type of workflows/contract.ts. */
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
