import type { Client } from '@temporalio/client';

/** How long a count is reused, in milliseconds: counting is expensive for Temporal. */
const KEPT_MS = 10_000;

const DEADLINE_MS = 3_000;

/**
 * Counts the submissions of a task queue without a verdict, over all workers; NaN while Temporal does not
 * answer. The query uses attributes and a workflow type of workflows/contract.ts.
 */
export function runningSubmissions({ workflow, connection }: Client, taskQueue: string) {
  const query = `TaskQueue = '${taskQueue}' AND WorkflowType = 'submitCode' AND ExecutionStatus = 'Running' AND SubmissionStatus = 'running'`;
  let known: Promise<number> | undefined;
  let knownSince = 0;

  return (): Promise<number> => {
    if (known && performance.now() - knownSince < KEPT_MS) return known;
    knownSince = performance.now();
    known = connection
      .withDeadline(Date.now() + DEADLINE_MS, () => workflow.count(query))
      .then(
        ({ count }) => count,
        () => NaN,
      );
    return known;
  };
}
