import { defaultPayloadConverter, type Client } from '@temporalio/client';
import type { ActionTrail } from '../../activities/actions';
import { decoded } from '../../infrastructure/temporal/payloads';
import { OPERATIONS, SUBMIT_CODE } from '../../workflows/contract';

/** The actions in the history of a workflow. */
export interface Recorded {
  workflowId: string;
  runId: string;
  /** The argument of its `recordActions`; null if it has not scheduled that activity. */
  trail: ActionTrail | null;
  /**
   * Whether it is closed. A closed workflow without a trail was terminated before it could record its
   * actions.
   */
  isOver: boolean;
}

/** The last activity of every submission and operation. */
const RECORD_ACTIONS = 'recordActions';

const TYPES = [SUBMIT_CODE, ...Object.values(OPERATIONS)];

/**
 * Reads the trails of a task queue's workflows, the newest first, as far back as Temporal keeps them.
 * @param since only workflows that started at this time or later, in ISO 8601; null for all
 */
export async function* recordedTrails(
  client: Client,
  taskQueue: string,
  since: string | null,
): AsyncGenerator<Recorded> {
  const types = TYPES.map((type) => `'${type}'`).join(', ');
  const query = [
    `TaskQueue = '${taskQueue}' AND WorkflowType IN (${types})`,
    ...(since === null ? [] : [`StartTime >= '${since}'`]),
  ].join(' AND ');
  for await (const { workflowId, runId, status } of client.workflow.list({ query })) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const scheduled = events
      ?.map(({ activityTaskScheduledEventAttributes: activity }) => activity)
      .find((activity) => activity?.activityType?.name === RECORD_ACTIONS);
    const [payload] = await decoded(client, scheduled?.input?.payloads ?? []);
    const trail = payload ? defaultPayloadConverter.fromPayload<ActionTrail>(payload) : null;
    yield { workflowId, runId, trail, isOver: status.name !== 'RUNNING' };
  }
}
