import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { mayPass } from './failures';
import { decoded } from './payloads';

export interface WorkflowRecord {
  input: unknown;
  memo: Record<string, unknown>;
}

/** Raised when the server could not be asked; asking again later is safe. */
class TemporalUnavailable extends Error {
  override name = 'Unavailable';
}

/** Reads back what workflows were started with and what they noted in their memo. */
export function createWorkflowRecords(client: Client) {
  const { workflow, workflowService, options } = client;
  return {
    /** @returns null for a workflow that the server does not know (any more) */
    async read(workflowId: string): Promise<WorkflowRecord | null> {
      try {
        const { memo = {}, runId } = await workflow.getHandle(workflowId).describe();
        const { history } = await workflowService.getWorkflowExecutionHistory({
          namespace: options.namespace,
          execution: { workflowId, runId },
          maximumPageSize: 1,
        });
        const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
        const [payload] = await decoded(client, started?.input?.payloads ?? []);
        return { input: payload && defaultPayloadConverter.fromPayload(payload), memo };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        if (mayPass(error))
          throw new TemporalUnavailable(`Temporal did not tell of ${workflowId}`, { cause: error });
        throw error;
      }
    },
  };
}
