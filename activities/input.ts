import { setTimeout as pauseFor } from 'node:timers/promises';
import type { Context } from '@temporalio/activity';

/** Name of the signal by which the workflow learns where the input of its run stands; workflows/stdin.ts. */
const INPUT_WANTED_SIGNAL = 'inputWanted';

const PAUSE_MS = 1_000;

/**
 * Tells the workflow of this activity, until it is heard, where the input of a run stands: the workflow has what
 * clients sent, and feeds what is missing. So nothing is lost with a worker or a pod.
 */
export function tellInput({ client, info, cancellationSignal }: Context, key: string) {
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
          // Temporal is away: until it is back nobody can send input either.
          await pauseFor(PAUSE_MS, undefined, { signal: cancellationSignal }).catch(() => undefined);
        }
      }
    };
    void tell();
  };
}
