import type { temporal } from '@temporalio/proto';
import { requiredTsToMs } from '@temporalio/common/lib/time';
import type { RolloutReport, Stage, StepReport, SubmitCodeInput, TestReport } from '../workflows/contract';
import { STAGE_OF_ACTIVITY } from '../workflows/contract';
import { comesAfter, formatCursor, type Cursor } from './cursor';
import { finalFrame, type End } from './finalFrame';
import { decode, endWithoutVerdict, rootMessage, verdictIn } from './historyEvents';
import { OutputTeller, type LivePiece, type Told } from './output/teller';
import type { StageFrame, SubmissionFrame, Unplaced } from './serverFrames';
import { stepFrames, testFrames } from './testFrames';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** A submission that was started and can be followed. */
export interface AcceptedSubmission {
  submissionId: string;
  userId: string;
  workflowId: string;
  runId: string;
  namespace: string;
}

interface ScheduledActivity {
  stage: Stage;
  activityId: string;
  scheduledAt: number;
  attempt?: number;
  /** Of tests. */
  output?: OutputTeller;
}

/** Tests that were begun and are not over: their output can be followed. */
export interface PendingTests {
  /** The event that scheduled them. */
  event: number;
  activityId: string;
  /** In milliseconds since the epoch, by the clock of Temporal. */
  scheduledAt: number;
  output: OutputTeller;
}

type Placed = { frame: Unplaced<SubmissionFrame>; cursor: Cursor };

/**
 * Turns a submission's history, event by event and from the first one on, into its frames. The same history
 * gives the same frames with the same cursors, whoever reads it and when; only how output is cut into frames
 * differs with how much of it was told live.
 */
export class FrameReader {
  private readonly activities = new Map<number, ScheduledActivity>();
  private readonly durations = new Map<Stage, number>();
  private startedAt = 0;
  private input: SubmitCodeInput | null = null;
  private step: StepReport | null = null;
  private pending: PendingTests | null = null;
  private over = false;

  /** @param after the last frame that the client has; it gets those after it. */
  constructor(
    private readonly submission: AcceptedSubmission,
    private readonly after: Cursor | null = null,
  ) {}

  /** The tests whose output can be followed now. */
  get pendingTests(): PendingTests | null {
    return this.pending;
  }

  /** Whether the final frame was read. */
  get isOver(): boolean {
    return this.over;
  }

  /** Frames of the next event. Skip none and give none twice: what an event means depends on those before. */
  read(event: HistoryEvent): SubmissionFrame[] {
    const id = Number(event.eventId);
    const at = requiredTsToMs(event.eventTime, 'eventTime');
    const output = this.restOfOutput(event, at);
    const frames = this.framesOf(event, id, at).map((frame, index) => ({
      frame,
      cursor: { event: id, index },
    }));
    return this.unseen([...output, ...frames]);
  }

  /** Frames of output that came live from the tests that the event `event` began. */
  live(event: number, piece: LivePiece, now: Date): SubmissionFrame[] {
    if (this.pending?.event !== event) return [];
    return this.unseen([...this.pending.output.live(piece, now.toISOString())]);
  }

  private unseen(frames: Placed[]): SubmissionFrame[] {
    return frames
      .filter(({ cursor }) => this.after === null || comesAfter(cursor, this.after))
      .map((placed) => this.place(placed));
  }

  private restOfOutput(event: HistoryEvent, at: number): Told[] {
    const completed = event.activityTaskCompletedEventAttributes;
    const output = this.activities.get(Number(completed?.scheduledEventId))?.output;
    if (!completed || !output) return [];
    return [...output.rest(decode(completed.result?.payloads?.[0]) as TestReport, iso(at))];
  }

  private framesOf(event: HistoryEvent, id: number, at: number): Unplaced<SubmissionFrame>[] {
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) return this.accepted(decode(started.input?.payloads?.[0]), at);
    if (event.activityTaskScheduledEventAttributes)
      return this.scheduled(event.activityTaskScheduledEventAttributes, id, at);
    if (event.activityTaskStartedEventAttributes) {
      const { scheduledEventId, attempt } = event.activityTaskStartedEventAttributes;
      const activity = this.activities.get(Number(scheduledEventId));
      if (activity && attempt) activity.attempt = attempt;
      return [];
    }
    if (event.activityTaskCompletedEventAttributes) {
      const { scheduledEventId, result } = event.activityTaskCompletedEventAttributes;
      const stage = this.ended(scheduledEventId, 'completed', at);
      return stage ? [stage, ...this.results(stage.stage, decode(result?.payloads?.[0]))] : [];
    }
    const stage = this.brokenOff(event, at);
    if (stage) return [stage];

    const verdict = verdictIn(event);
    if (verdict) return [this.final(verdict, verdict.namespace, at)];
    const ending = endWithoutVerdict(event);
    if (ending) return [this.final({ ...ending, tests: null, live: null }, this.submission.namespace, at)];
    return [];
  }

  private accepted(input: unknown, at: number): Unplaced<SubmissionFrame>[] {
    this.startedAt = at;
    this.input = (input as SubmitCodeInput | undefined) ?? null;
    const { namespace, workflowId, runId } = this.submission;
    return [{ type: 'accepted', namespace, workflow_id: workflowId, run_id: runId, at: iso(at) }];
  }

  private scheduled(
    { activityType, activityId }: temporal.api.history.v1.IActivityTaskScheduledEventAttributes,
    event: number,
    scheduledAt: number,
  ): Unplaced<SubmissionFrame>[] {
    const stage = stageOfActivity(activityType?.name);
    if (!stage) return [];
    const activity: ScheduledActivity = { stage, activityId: activityId ?? '', scheduledAt };
    if (stage === STAGE_OF_ACTIVITY.runTests) {
      const { after } = this;
      const told = after?.event === event && 'output' in after ? after.output : null;
      const output = (activity.output = new OutputTeller(event, told));
      this.pending = { event, activityId: activity.activityId, scheduledAt, output };
    }
    this.activities.set(event, activity);
    return [{ type: 'stage', stage, state: 'started', at: iso(scheduledAt) }];
  }

  private brokenOff(event: HistoryEvent, at: number): Unplaced<StageFrame> | null {
    const broken =
      event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes ?? undefined;
    if (broken) return this.ended(broken.scheduledEventId, 'failed', at, rootMessage(broken.failure));
    const cancelled = event.activityTaskCanceledEventAttributes;
    return cancelled ? this.ended(cancelled.scheduledEventId, 'cancelled', at) : null;
  }

  private ended(
    scheduledEventId: unknown,
    state: 'completed' | 'failed' | 'cancelled',
    at: number,
    message?: string,
  ): Unplaced<StageFrame> | null {
    const activity = this.activities.get(Number(scheduledEventId));
    if (!activity) return null;
    if (this.pending?.event === Number(scheduledEventId)) this.pending = null;
    const { stage, scheduledAt, attempt } = activity;
    const duration_ms = at - scheduledAt;
    this.durations.set(stage, (this.durations.get(stage) ?? 0) + duration_ms);
    return {
      type: 'stage',
      stage,
      state,
      at: iso(at),
      ...(attempt !== undefined && { attempt }),
      duration_ms,
      ...(message !== undefined && { message }),
    };
  }

  /** What a stage brought to light, beside that it is over. */
  private results(stage: string, result: unknown): Unplaced<SubmissionFrame>[] {
    if (stage === STAGE_OF_ACTIVITY.runTests) {
      const report = result as TestReport;
      this.step = report.steps.at(-1) ?? null;
      return [...stepFrames(report, this.input), ...testFrames(report)];
    }
    if (stage === STAGE_OF_ACTIVITY.awaitRollout) {
      const { outcome, reason, message } = result as RolloutReport;
      return [{ type: 'rollout', outcome, reason, message }];
    }
    return [];
  }

  private final(
    end: Pick<End, 'status' | 'reason' | 'message' | 'tests' | 'live'>,
    namespace: string,
    at: number,
  ): Unplaced<SubmissionFrame> {
    this.over = true;
    const { workflowId, runId } = this.submission;
    const durationsMs = { ...Object.fromEntries(this.durations), total: at - this.startedAt };
    const brought = (this.input?.tests ?? null) !== null;
    return finalFrame({ ...end, namespace, step: this.step, brought, durationsMs, workflowId, runId });
  }

  /** `status` and `namespace` stay the first two keys of a final frame, as the contract shows them. */
  private place({ frame, cursor: at }: Placed): SubmissionFrame {
    const { submissionId: submission_id } = this.submission;
    const cursor = formatCursor(at);
    if (!('status' in frame)) {
      const { type, ...rest } = frame;
      return { type, submission_id, cursor, ...rest } as SubmissionFrame;
    }
    const { status, namespace, ...rest } = frame;
    return { status, namespace, submission_id, ...rest, cursor };
  }
}

/** The stage that an activity type carries out; a gateway older than the workflow may not know it. */
export function stageOfActivity(activityType: string | null | undefined): Stage | undefined {
  const stages: Record<string, Stage> = STAGE_OF_ACTIVITY;
  return activityType && Object.hasOwn(stages, activityType) ? stages[activityType] : undefined;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
