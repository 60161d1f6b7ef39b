import {
  AWAIT_TURN,
  BRIEF_TESTS,
  CLAIM_TURN_SIGNAL,
  hasBriefTests,
  isDeferred,
  isUnfinished,
  STAGE_OF_ACTIVITY,
  TEST_POD_BUSY,
  TURN_SIGNAL,
  type Stage,
  type SubmitCodeInput,
} from '../contract';
import { decode, localActivityIn, rootType, type Failure, type HistoryEvent } from './events';

/** A stage that has begun and not ended. */
interface OpenStage {
  stage: Stage;
  /** The event that began it. */
  begun: number;
  /** Milliseconds since the epoch, as all times here. */
  startedAt: number;
  attempt?: number;
}

/** What an event reports about a stage. */
export interface StageStep {
  stage: Stage;
  /** The event that began the stage. */
  begun: number;
  state: 'started' | 'queued' | 'completed' | 'deferred' | 'failed' | 'cancelled';
  startedAt: number;
  at: number;
  /** At the end of a stage that is an activity: which attempt ended it. */
  attempt?: number;
  /** At the end of a stage: the result of the activity, or the signal that ended the wait for a turn. */
  result?: unknown;
  /** Why it failed. */
  failure?: Failure;
}

const RUN_TESTS = STAGE_OF_ACTIVITY.runTests;

/** Derives the state of each stage from the events of the history, from the first one on. */
export class Stages {
  private readonly activities = new Map<number, OpenStage>();
  private readonly spent = new Map<Stage, number>();
  /** The stages that wait because their activity found the test pod busy. */
  private readonly waiting = new Map<Stage, OpenStage>();
  /** The event with which the submission asked for its turn; null before. */
  private claimed: number | null = null;
  /** The tests that begin with the first workflow task; null if the submission has none, or they have ended. */
  private brief: OpenStage | null = null;
  private expectsBrief = false;

  /** How long each stage has taken so far, over all its activities, in milliseconds. */
  get durationsMs(): Record<string, number> {
    return Object.fromEntries(this.spent);
  }

  /** Whether any scheduled activity has not ended. */
  get isPending(): boolean {
    return this.activities.size > 0;
  }

  /** Ends all stages that are in progress, as when the workflow ends. */
  endAll(at: number): StageStep[] {
    const open = [...this.activities.values(), ...this.waiting.values()];
    this.activities.clear();
    this.waiting.clear();
    return open.map((stage) => ({ ...stage, state: 'cancelled', at }));
  }

  /** Null for an event that neither starts nor ends a stage. @param at when it happened */
  read(event: HistoryEvent, at: number): StageStep | null {
    const id = Number(event.eventId);
    const input = event.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    if (input) {
      this.expectsBrief = hasBriefTests(decode(input) as Partial<SubmitCodeInput> | undefined);
      return null;
    }
    if (event.workflowTaskStartedEventAttributes && this.expectsBrief) {
      this.expectsBrief = false;
      const step = this.begin(id, RUN_TESTS, at);
      this.brief = this.activities.get(id) ?? null;
      return step;
    }
    const local = localActivityIn(event);
    if (local) return local.type === BRIEF_TESTS && this.brief ? this.endBrief(this.brief, local, at) : null;

    const claim = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
    // Claims are repeated, and signals are sent again to check that the submission is alive. Only the first
    // counts.
    if (claim?.signalName === CLAIM_TURN_SIGNAL && this.claimed === null) {
      this.claimed = id;
      return this.begin(id, AWAIT_TURN, at);
    }
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName === TURN_SIGNAL)
      return this.end(this.claimed, 'completed', at, { result: decode(signal.input?.payloads?.[0]) });

    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const stage = stageOfActivity(scheduled.activityType?.name);
      if (stage === RUN_TESTS && this.brief) {
        this.goOn(this.brief, id);
        return null;
      }
      return stage ? this.begin(id, stage, at) : null;
    }
    const taken = event.activityTaskStartedEventAttributes;
    if (taken) {
      const activity = this.activities.get(Number(taken.scheduledEventId));
      if (activity && taken.attempt) activity.attempt = taken.attempt;
      return null;
    }
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed) {
      const result = decode(completed.result?.payloads?.[0]);
      const state = isDeferred(result) ? 'deferred' : 'completed';
      return this.end(completed.scheduledEventId, state, at, { result });
    }
    const broken =
      event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes ?? undefined;
    if (broken && rootType(broken.failure) === TEST_POD_BUSY) return this.wait(broken.scheduledEventId, at);
    if (broken) return this.end(broken.scheduledEventId, 'failed', at, { failure: broken.failure });
    const cancelled = event.activityTaskCanceledEventAttributes;
    return cancelled ? this.end(cancelled.scheduledEventId, 'cancelled', at) : null;
  }

  private begin(begun: number, stage: Stage, at: number): StageStep {
    const startedAt = this.waiting.get(stage)?.startedAt ?? at;
    this.waiting.delete(stage);
    this.activities.set(begun, { stage, begun, startedAt });
    return { stage, begun, state: 'started', startedAt, at };
  }

  /** Brief tests whose program goes on, or that did not begin, continue as a regular activity. */
  private endBrief(brief: OpenStage, { result }: { result: unknown }, at: number): StageStep | null {
    if (result === undefined || isUnfinished(result)) return null;
    this.brief = null;
    return this.end(brief.begun, isDeferred(result) ? 'deferred' : 'completed', at, { result });
  }

  /** The activity goes on with the tests that began as brief ones. */
  private goOn(brief: OpenStage, scheduled: number): void {
    this.activities.delete(brief.begun);
    this.activities.set(scheduled, brief);
    this.brief = null;
  }

  /** Queues a stage. It starts again when its turn comes, but its duration counts from its first start. */
  private wait(scheduledEventId: unknown, at: number): StageStep | null {
    const scheduled = Number(scheduledEventId);
    const activity = this.activities.get(scheduled);
    if (!activity) return null;
    this.activities.delete(scheduled);
    this.waiting.set(activity.stage, activity);
    return { ...activity, state: 'queued', at };
  }

  private end(
    scheduledEventId: unknown,
    state: 'completed' | 'deferred' | 'failed' | 'cancelled',
    at: number,
    how: Pick<StageStep, 'result' | 'failure'> = {},
  ): StageStep | null {
    const scheduled = Number(scheduledEventId);
    const activity = this.activities.get(scheduled);
    if (!activity) return null;
    this.activities.delete(scheduled);
    this.spent.set(activity.stage, (this.spent.get(activity.stage) ?? 0) + at - activity.startedAt);
    return { ...activity, state, at, ...how };
  }
}

/** The stage of an activity type. A gateway that is older than the workflow may not know it. */
export function stageOfActivity(activityType: string | null | undefined): Stage | undefined {
  const stages: Record<string, Stage> = STAGE_OF_ACTIVITY;
  return activityType && Object.hasOwn(stages, activityType) ? stages[activityType] : undefined;
}
