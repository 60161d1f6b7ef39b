import {
  defaultPayloadConverter,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionInfo,
} from '@temporalio/client';
import {
  OPERATIONS,
  orderIdOf,
  ORDER_QUERY,
  PRODUCTION_ORDER,
  TEST_QUEUE,
  SEARCH_ATTRIBUTES,
  STAGE_OF_ACTIVITY,
  SUBMIT_CODE,
  VERDICT_MEMO,
  type OperationReport,
  type RollBackToInput,
  type SubmitCodeInput,
  type Verdict,
} from '../../../workflows/contract';
import type { DeployQueueState } from '../../../workflows/deployQueue';
import { Stages } from '../../../workflows/history/stages';
import type { SeenDeploy } from '../observations';

/** What Temporal knows about a submission. */
export interface KnownSubmission {
  input: SubmitCodeInput;
  verdict: Verdict | null;
  /** The value of the search attribute. */
  attribute: string | null;
  /** How the workflow closed, as a status; null while it is open. */
  closed: string | null;
  testStages: number;
}

export interface KnownToTemporal {
  submissions: Map<string, KnownSubmission>;
  /** The deploys of each user. */
  deploys: Map<string, SeenDeploy[]>;
}

type Events = NonNullable<Awaited<ReturnType<typeof historyOf>>>;

const historyOf = async (client: Client, { workflowId, runId }: WorkflowExecutionInfo) =>
  (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];

/** Types of workflows that outlive the submissions that use them: the queues. */
const KEEP_AN_ORDER = [PRODUCTION_ORDER, TEST_QUEUE];

/** Reads every workflow of a task queue with its history. */
export async function readTemporal(client: Client, taskQueue: string): Promise<KnownToTemporal> {
  const known: KnownToTemporal = { submissions: new Map(), deploys: new Map() };
  const deployed = (user: string, deploy: SeenDeploy) =>
    known.deploys.set(user, [...(known.deploys.get(user) ?? []), deploy]);
  for await (const info of client.workflow.list({ query: `TaskQueue = '${taskQueue}'` })) {
    if (KEEP_AN_ORDER.includes(info.type)) continue;
    const events = await historyOf(client, info);
    if (info.type === SUBMIT_CODE) {
      const submission = submissionIn(info, events);
      const { submissionId, userId, acceptedAt } = submission.input;
      known.submissions.set(submissionId, submission);
      if (submission.verdict?.status === 'deployed') deployed(userId, { submissionId, acceptedAt });
    } else if (info.type === OPERATIONS.rollback) {
      const { userId, submissionId, acceptedAt } = inputOf<RollBackToInput>(events);
      const report = decoded<OperationReport>(
        events.at(-1)?.workflowExecutionCompletedEventAttributes?.result?.payloads,
      );
      if (report?.status === 'done') deployed(userId, { submissionId, acceptedAt });
    }
  }
  return known;
}

/** Ids of workflows that are still open, except for the queues. */
export async function openWorkflows(client: Client, taskQueue: string): Promise<string[]> {
  const open: string[] = [];
  const query = `TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`;
  for await (const { type, workflowId } of client.workflow.list({ query }))
    if (!KEEP_AN_ORDER.includes(type)) open.push(workflowId);
  return open;
}

/** Turns in users' deploy queues that are still held or awaited, as text. */
export async function locksOf(client: Client, taskQueue: string, users: string[]): Promise<string[]> {
  const states = await Promise.all(users.map((user) => orderOf(client, orderIdOf(taskQueue, user))));
  return states.flatMap(({ holder, waiting }, place) => [
    ...(holder ? [`the turn of ${users[place]} is held by ${holder.name}`] : []),
    ...waiting.map(({ name }) => `for the turn of ${users[place]} waits ${name}`),
  ]);
}

/** A queue that does not exist counts as empty. */
async function orderOf({ workflow }: Client, id: string): Promise<Omit<DeployQueueState, 'last'>> {
  try {
    return await workflow.getHandle(id).query<DeployQueueState>(ORDER_QUERY);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { holder: null, waiting: [] };
    throw error;
  }
}

function submissionIn(info: WorkflowExecutionInfo, events: Events): KnownSubmission {
  const attribute = info.searchAttributes[SEARCH_ATTRIBUTES.status]?.[0];
  const verdict = (info.memo?.[VERDICT_MEMO] as Verdict | undefined) ?? null;
  return {
    input: inputOf<SubmitCodeInput>(events),
    verdict,
    attribute: typeof attribute === 'string' ? attribute : null,
    closed: closedAs(events),
    testStages: startsOfTests(events),
  };
}

/** Tests begin with the first workflow task or with an activity, and may begin again. */
function startsOfTests(events: Events): number {
  const stages = new Stages();
  return events.filter((event) => {
    const step = stages.read(event, 0);
    return step?.stage === STAGE_OF_ACTIVITY.runTests && step.state === 'started';
  }).length;
}

/**
 * The status that corresponds to the workflow's end: a platform failure fails it, a cancellation cancels it.
 */
function closedAs(events: Events): string | null {
  const end = events.at(-1);
  const result = decoded<Verdict>(end?.workflowExecutionCompletedEventAttributes?.result?.payloads);
  if (result) return result.status;
  if (end?.workflowExecutionCanceledEventAttributes) return 'cancelled';
  return end?.workflowExecutionFailedEventAttributes ? 'internal_error' : null;
}

function inputOf<T>(events: Events): T {
  const input = decoded<T>(events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads);
  if (input === null) throw new Error('A history has no input.');
  return input;
}

function decoded<T>(
  payloads: Parameters<typeof defaultPayloadConverter.fromPayload>[0][] | null | undefined,
): T | null {
  const [payload] = payloads ?? [];
  return payload ? defaultPayloadConverter.fromPayload<T>(payload) : null;
}
