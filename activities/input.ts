import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '@temporalio/activity';

/** Name of the signal that reports the input offset of a run to the workflow (workflows/stdin.ts). */
const INPUT_REQUESTED_SIGNAL = 'inputWanted';

const RETRY_DELAY_MS = 1_000;

/**
 * Returns a function that reports to this activity's workflow how much input a run has received, and retries
 * until it succeeds. The workflow stores the clients' input and feeds what is missing, so nothing is lost
 * with a worker or a pod.
 */
export function inputReporter({ client, info, cancellationSignal }: Context, key: string) {
  const { workflowExecution } = info;
  if (!workflowExecution) throw new Error('Input can only be requested by an activity of a workflow.');
  const { workflowId, runId } = workflowExecution;
  const workflow = client.workflow.getHandle(workflowId, runId);
  return (received: number): void => {
    const report = async () => {
      while (!cancellationSignal.aborted) {
        try {
          return await workflow.signal(INPUT_REQUESTED_SIGNAL, { key, received });
        } catch (error) {
          if ((error as Error).name === 'WorkflowNotFoundError') return;
          // Temporal is unavailable. Until it recovers, clients cannot send input either.
          await delay(RETRY_DELAY_MS, undefined, { signal: cancellationSignal }).catch(() => undefined);
        }
      }
    };
    void report();
  };
}
