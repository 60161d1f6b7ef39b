import type { Client } from '@temporalio/client';
import type { ActionTrail } from '../../activities/actions';
import { historyOf } from '../../infrastructure/temporal/closedWorkflows';
import { RECORDED_TYPES, trailOf } from '../../workflows/history/trail';

/**
 * Reads the trails of a task queue's workflows, the newest first, as far back as Temporal keeps them.
 * @param since only workflows that started at this time or later, in ISO 8601; null for all
 * @returns null for a workflow that has not ended
 */
export async function* recordedTrails(
  client: Client,
  taskQueue: string,
  since: string | null,
): AsyncGenerator<ActionTrail | null> {
  const types = RECORDED_TYPES.map((type) => `'${type}'`).join(', ');
  const query = [
    `TaskQueue = '${taskQueue}' AND WorkflowType IN (${types})`,
    ...(since === null ? [] : [`StartTime >= '${since}'`]),
  ].join(' AND ');
  for await (const execution of client.workflow.list({ query }))
    yield trailOf(execution, await historyOf(client, execution));
}
