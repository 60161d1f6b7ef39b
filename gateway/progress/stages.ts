import type { Stage } from '../../workflows/contract';
import {
  AWAIT_TURN,
  CLAIM_TURN_SIGNAL,
  isDeferred,
  STAGE_OF_ACTIVITY,
  TEST_POD_BUSY,
  TURN_SIGNAL,
} from '../../workflows/contract';
import { decode, rootMessage, rootType, type HistoryEvent } from './historyEvents';
import type { StageFrame, Unplaced } from '../protocol/serverFrames';

interface ScheduledActivity {
  stage: Stage;
  scheduledAt: number;
  attempt?: number;
}

/** What an event reports about a stage. */
export interface StageStep {
  stage: Stage;
  /** The event that scheduled the stage's activity, or started the stage that is not an activity. */
  scheduled: number;
  frame: Unplaced<StageFrame>;
  /** The result of an activity that completed. */
  result?: unknown;
}

/** Why a stage was deferred. The detailed reason is for operators, in the log of actions. */
const DEFERRED =
  'Your environment is being prepared first. Only a first submission, or one after a long pause, waits for this.';

/** Derives the state of each stage from the events of the history, from the first one on. */
export class Stages {
  private readonly activities = new Map<number, ScheduledActivity>();
  private readonly spent = new Map<Stage, number>();
  /** The start of each stage that waits because its activity found the test pod busy. */
  private readonly waitingSince = new Map<Stage, number>();
  /** The event with which the submission asked for its turn; null before. */
  private claimed: number | null = null;

  /** How long each stage has taken so far, over all its activities, in milliseconds. */
  get durationsMs(): Record<string, number> {
    return Object.fromEntries(this.spent);
  }

  /** Whether any scheduled activity has not ended. */
  get isPending(): boolean {
    return this.activities.size > 0;
  }

  /** Null for an event that neither starts nor ends a stage. @param at when it happened */
  read(event: HistoryEvent, at: number): StageStep | null {
    const id = Number(event.eventId);
    const claim = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
    // Claims are repeated, and signals are sent again to check that the submission is alive. Only the first
    // counts.
    if (claim?.signalName === CLAIM_TURN_SIGNAL && this.claimed === null) {
      this.claimed = id;
      return this.begin(id, AWAIT_TURN, at);
    }
    if (event.workflowExecutionSignaledEventAttributes?.signalName === TURN_SIGNAL)
      return this.end(this.claimed, 'completed', at);

    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const stage = stageOfActivity(scheduled.activityType?.name);
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
      if (isDeferred(result)) return this.end(completed.scheduledEventId, 'deferred', at, DEFERRED);
      const step = this.end(completed.scheduledEventId, 'completed', at);
      return step && { ...step, result };
    }
    const broken =
      event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes ?? undefined;
    if (broken && rootType(broken.failure) === TEST_POD_BUSY) return this.wait(broken.scheduledEventId, at);
    if (broken) return this.end(broken.scheduledEventId, 'failed', at, rootMessage(broken.failure));
    const cancelled = event.activityTaskCanceledEventAttributes;
    return cancelled ? this.end(cancelled.scheduledEventId, 'cancelled', at) : null;
  }

  private begin(scheduled: number, stage: Stage, at: number): StageStep {
    const scheduledAt = this.waitingSince.get(stage) ?? at;
    this.waitingSince.delete(stage);
    this.activities.set(scheduled, { stage, scheduledAt });
    const frame = { type: 'stage' as const, stage, state: 'started' as const, at: iso(at) };
    return { stage, scheduled, frame };
  }

  /** Queues a stage. It starts again when its turn comes, but its duration counts from its first start. */
  private wait(scheduledEventId: unknown, at: number): StageStep | null {
    const scheduled = Number(scheduledEventId);
    const activity = this.activities.get(scheduled);
    if (!activity) return null;
    this.activities.delete(scheduled);
    const { stage, scheduledAt } = activity;
    this.waitingSince.set(stage, scheduledAt);
    return { stage, scheduled, frame: { type: 'stage', stage, state: 'queued', at: iso(at) } };
  }

  private end(
    scheduledEventId: unknown,
    state: 'completed' | 'deferred' | 'failed' | 'cancelled',
    at: number,
    message?: string,
  ): StageStep | null {
    const scheduled = Number(scheduledEventId);
    const activity = this.activities.get(scheduled);
    if (!activity) return null;
    this.activities.delete(scheduled);
    const { stage, scheduledAt, attempt } = activity;
    const duration_ms = at - scheduledAt;
    this.spent.set(stage, (this.spent.get(stage) ?? 0) + duration_ms);
    const frame: Unplaced<StageFrame> = {
      type: 'stage',
      stage,
      state,
      at: iso(at),
      ...(attempt !== undefined && { attempt }),
      duration_ms,
      ...(message !== undefined && { message }),
    };
    return { stage, scheduled, frame };
  }
}

/** The stage of an activity type. A gateway that is older than the workflow may not know it. */
export function stageOfActivity(activityType: string | null | undefined): Stage | undefined {
  const stages: Record<string, Stage> = STAGE_OF_ACTIVITY;
  return activityType && Object.hasOwn(stages, activityType) ? stages[activityType] : undefined;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
