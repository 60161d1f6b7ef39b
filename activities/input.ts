import { setTimeout as pauseFor } from 'node:timers/promises';
import type { Context } from '@temporalio/activity';

/** Name of the signal that reports the input offset of a run to the workflow (workflows/stdin.ts). */
const INPUT_WANTED_SIGNAL = 'inputWanted';

const PAUSE_MS = 1_000;

/**
 * Returns a function that reports to this activity's workflow how much input a run has received, and retries
 * until it succeeds. The workflow stores the clients' input and feeds what is missing, so nothing is lost
 * with a worker or a pod.
 */
export function inputReporter({ client, info, cancellationSignal }: Context, key: string) {
  const { workflowExecution } = info;
  if (!workflowExecution) throw new Error('Only a workflow has input for its runs.');
  const { workflowId, runId } = workflowExecution;
  const workflow = client.workflow.getHandle(workflowId, runId);
  return (received: number): void => {
    const place = { key, received };
    const tell = async () => {
      while (!cancellationSignal.aborted) {
        try {
          return await workflow.signal(INPUT_WANTED_SIGNAL, place);
        } catch (error) {
          if ((error as Error).name === 'WorkflowNotFoundError') return;
          // Temporal is unavailable. Until it recovers, clients cannot send input either.
          await pauseFor(PAUSE_MS, undefined, { signal: cancellationSignal }).catch(() => undefined);
        }
      }
    };
    void tell();
  };
}
