/** What a workflow did, for the log, as its history tells it. */
import { requiredTsToMs } from '@temporalio/common/lib/time';
import type { Action, ActionTrail } from '../../activities/actions';
import {
  AWAIT_TURN,
  CANCEL_REQUESTED_SIGNAL,
  isSuccess,
  namespaceOf,
  OPERATIONS,
  STAGE_OF_ACTIVITY,
  SUBMIT_CODE,
  type Deferred,
  type MigrationReport,
  type OperationInput,
  type OperationReport,
  type RolloutReport,
  type Stage,
  type SubmitCodeInput,
  type TestReport,
} from '../contract';
import { evaluate } from '../evaluate';
import {
  decode,
  endWithoutVerdict,
  rootMessage,
  rootType,
  traceIdIn,
  verdictIn,
  type Ending,
  type Failure,
  type HistoryEvent,
} from './events';
import { Stages, type StageStep } from './stages';

/** Workflow types whose actions are in the log. */
export const RECORDED_TYPES: readonly string[] = [SUBMIT_CODE, ...Object.values(OPERATIONS)];

/** The activity with which older workflows recorded their actions. */
const RECORD_ACTIONS = 'recordActions';

/** The names of operations in the log, by workflow type. */
const OPERATION_NAMES: Record<string, string> = {
  [OPERATIONS.live]: 'live',
  [OPERATIONS.rollback]: 'rollback',
  [OPERATIONS.stop]: 'stop',
  [OPERATIONS.delete]: 'delete_production',
  [OPERATIONS.deleteEnvironment]: 'delete_environment',
  [OPERATIONS.upgradeDatabase]: 'upgrade_database',
};

/** How the result of a stage appears in the log. */
type Reading = Partial<Pick<Action, 'outcome' | 'reason' | 'message' | 'details'>>;

/**
 * The actions in the history of a submission or an operation that has ended, however it ended. A workflow that
 * recorded them itself, as older ones did, has them in its history.
 * @param events all of them, decoded
 * @returns null for a workflow of another type, or one that has not ended
 */
export function trailOf(
  { workflowId, runId }: { workflowId: string; runId: string },
  events: HistoryEvent[],
): ActionTrail | null {
  const recorded = events.find(
    ({ activityTaskScheduledEventAttributes: activity }) => activity?.activityType?.name === RECORD_ACTIONS,
  );
  if (recorded) {
    const [payload] = recorded.activityTaskScheduledEventAttributes?.input?.payloads ?? [];
    return decode(payload) as ActionTrail;
  }
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  const last = events.at(-1);
  const type = started?.workflowType?.name ?? '';
  if (!started || !last || !RECORDED_TYPES.includes(type) || !hasEnded(last)) return null;
  const input = decode(started.input?.payloads?.[0]);
  const traceId = traceIdIn(started.header);
  const { userId } = input as { userId: string };
  const actions =
    type === SUBMIT_CODE ? submissionActions(input, events) : operationActions(type, input, events);
  return {
    provenance: { userId, ...identityOf(type, input), workflowId, runId },
    namespace: namespaceOf(userId),
    actions,
    ...(traceId !== undefined && { traceId }),
  };
}

function identityOf(type: string, input: unknown) {
  if (type !== SUBMIT_CODE) return {};
  const { submissionId, codeDigest, requestedBy } = input as SubmitCodeInput;
  return { submissionId, codeDigest, keyId: requestedBy };
}

function submissionActions(input: unknown, events: HistoryEvent[]): Action[] {
  const { acceptedAt, requestedBy, deploy } = input as SubmitCodeInput;
  const trail = new Trail();
  for (const event of events) {
    const at = timeOf(event);
    if (event.workflowExecutionStartedEventAttributes)
      trail.record('submission.accepted', at, {
        details: { accepted_at: acceptedAt, requested_by: requestedBy, deploy },
      });
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName === CANCEL_REQUESTED_SIGNAL)
      trail.record('submission.cancel_requested', at, {
        details: { requested_by: decode(signal.input?.payloads?.[0]) },
      });
    trail.read(event, at);
    const verdict = verdictIn(event);
    const ending = verdict ?? endWithoutVerdict(event);
    if (!ending) continue;
    trail.endStages(ending, at);
    trail.record('submission.finished', at, {
      outcome: isSuccess(ending.status) ? 'success' : 'failure',
      reason: ending.status,
      message: ending.message,
      details: { cause: ending.reason, live: verdict?.live ?? null },
    });
    break;
  }
  return trail.actions;
}

function operationActions(type: string, input: unknown, events: HistoryEvent[]): Action[] {
  const { userId: _, requestedBy, acceptedAt, ...details } = input as OperationInput;
  const name = OPERATION_NAMES[type] ?? type;
  const trail = new Trail();
  for (const event of events) {
    const at = timeOf(event);
    if (event.workflowExecutionStartedEventAttributes)
      trail.record(`${name}.requested`, at, {
        details: { requested_by: requestedBy, accepted_at: acceptedAt, ...details },
      });
    trail.read(event, at);
    const completed = event.workflowExecutionCompletedEventAttributes;
    if (completed) {
      trail.record(`${name}.finished`, at, operationReading(type, decode(completed.result?.payloads?.[0])));
      continue;
    }
    const ending = endWithoutVerdict(event);
    if (!ending) continue;
    trail.endStages(ending, at);
    const { reason, message } = ending;
    trail.record(`${name}.finished`, at, { outcome: 'failure', reason, message });
  }
  return trail.actions;
}

/** The operation that only looks has what it saw as its result; the others have a report. */
function operationReading(type: string, result: unknown): Reading {
  if (type === OPERATIONS.live) return { reason: 'done', message: 'Looked.', details: result };
  const { status, message, production } = result as OperationReport;
  const outcome = status === 'done' ? 'success' : 'failure';
  return { outcome, reason: status, message, details: production };
}

/** Collects actions in order. */
class Trail {
  readonly actions: Action[] = [];
  private readonly stages = new Stages();

  /** Adds something that took no time. */
  record(name: string, at: number, reading: Reading = {}): void {
    this.actions.push({ name, outcome: 'success', startedAt: at, endedAt: at, ...reading });
  }

  /** Adds the stage that ended with this event, if one did. */
  read(event: HistoryEvent, at: number): void {
    const step = this.stages.read(event, at);
    if (!step || step.state === 'started' || step.state === 'queued') return;
    if (step.stage !== STAGE_OF_ACTIVITY.recordActions) this.add(step, readingOf(step));
  }

  /** Adds the stages that the end of the workflow ended. */
  endStages({ reason, message }: Ending, at: number): void {
    for (const step of this.stages.endAll(at)) this.add(step, { outcome: 'failure', reason, message });
  }

  private add({ stage, startedAt, at: endedAt }: StageStep, reading: Reading): void {
    this.actions.push({ name: `stage.${stage}`, outcome: 'success', startedAt, endedAt, ...reading });
  }
}

function readingOf({ stage, state, result, failure }: StageStep): Reading {
  switch (state) {
    case 'deferred':
      // Neither a success nor a failure: the stage runs again when the environment is prepared.
      return { outcome: 'unknown', reason: 'environment_missing', message: (result as Deferred).deferred };
    case 'cancelled':
      return { outcome: 'failure', reason: 'cancelled', message: 'The submission was cancelled.' };
    case 'failed':
      return { outcome: 'failure', reason: reasonOf(failure), message: rootMessage(failure) ?? '' };
    case 'started':
    case 'queued':
    case 'completed':
      return READINGS[stage]?.(result) ?? {};
  }
}

const details = (result: unknown): Reading => ({ details: result });

const READINGS: Partial<Record<Stage, (result: unknown) => Reading>> = {
  prepare_environment: details,
  prepare_test_database: details,
  run_tests: (result) => {
    const { passed, reason, message } = evaluate(result as TestReport);
    return { outcome: passed ? 'success' : 'failure', reason, message, details: result };
  },
  migrate: (result) => {
    const { outcome, message } = result as MigrationReport;
    return {
      outcome: outcome === 'passed' ? 'success' : 'failure',
      ...(message && { message }),
      details: result,
    };
  },
  apply_program: details,
  await_rollout: (result) => {
    const { outcome, reason, message } = result as RolloutReport;
    return {
      outcome: outcome === 'live' ? 'success' : 'failure',
      reason: reason ?? outcome,
      ...(message && { message }),
      details: result,
    };
  },
  roll_back: details,
  [AWAIT_TURN]: (result) => {
    const turn = result as { granted: boolean; by?: unknown };
    return turn.granted ? {} : { outcome: 'failure', reason: 'superseded', details: turn.by };
  },
};

function reasonOf(failure: Failure): string {
  return rootType(failure) ?? (failure?.timeoutFailureInfo ? 'TimeoutFailure' : 'Error');
}

function hasEnded(event: HistoryEvent): boolean {
  return endWithoutVerdict(event) !== null;
}

function timeOf({ eventTime }: HistoryEvent): number {
  return requiredTsToMs(eventTime, 'eventTime');
}
