import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { WorkflowRecord } from '../../activities/ports';
import { isTemporary } from './temporaryErrors';
import { decoded } from './payloads';

/** Thrown when the server could not be reached. Retrying is safe. */
class TemporalUnavailable extends Error {
  override name = 'Unavailable';
}

/** The input of a workflow. @throws WorkflowNotFoundError, ServiceError */
export async function inputOf(client: Client, workflowId: string, runId?: string): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId: runId ?? null },
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const [payload] = await decoded(client, started?.input?.payloads ?? []);
  return payload && defaultPayloadConverter.fromPayload(payload);
}

/** Reads the input and the memo of workflows. */
export function createWorkflowRecords(client: Client) {
  const { workflow } = client;
  return {
    /** @returns null for a workflow that the server does not know, or no longer */
    async read(workflowId: string): Promise<WorkflowRecord | null> {
      try {
        const { memo = {}, runId } = await workflow.getHandle(workflowId).describe();
        return { input: await inputOf(client, workflowId, runId), memo };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        if (isTemporary(error))
          throw new TemporalUnavailable(`Could not read workflow ${workflowId} from Temporal`, {
            cause: error,
          });
        throw error;
      }
    },
  };
}
