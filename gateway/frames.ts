import type { temporal } from '@temporalio/proto';
import { requiredTsToMs } from '@temporalio/common/lib/time';
import type { RolloutReport, Stage, StepReport, TestReport, Verdict } from '../workflows/contract';
import { STAGE_OF_ACTIVITY } from '../workflows/contract';
import { decode, endWithoutVerdict, rootMessage, verdictIn, type Ending } from './historyEvents';
import type { StageFrame, SubmissionFrame } from './serverFrames';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** A submission that was started and can be followed. */
export interface AcceptedSubmission {
  submissionId: string;
  workflowId: string;
  runId: string;
  namespace: string;
}

interface ScheduledActivity {
  stage: Stage;
  scheduledAt: number;
  attempt?: number;
}

/** A frame before it is told which submission and place it belongs to. */
type Unplaced<T> = T extends unknown ? Omit<T, 'submission_id' | 'cursor'> : never;

/**
 * Turns a submission's history, event by event and from the first one on, into its frames. The same history
 * gives the same frames with the same cursors, whoever reads it and when.
 */
export class FrameReader {
  private readonly activities = new Map<number, ScheduledActivity>();
  private readonly durations = new Map<Stage, number>();
  private startedAt = 0;
  private step: StepReport | null = null;

  constructor(private readonly submission: AcceptedSubmission) {}

  /** Frames of the next event. Skip none and give none twice: what an event means depends on those before. */
  read(event: HistoryEvent): SubmissionFrame[] {
    const id = Number(event.eventId);
    const at = requiredTsToMs(event.eventTime, 'eventTime');
    return this.framesOf(event, id, at).map((frame, index) => this.place(frame, `${id}.${index}`));
  }

  private framesOf(event: HistoryEvent, id: number, at: number): Unplaced<SubmissionFrame>[] {
    if (event.workflowExecutionStartedEventAttributes) return this.accepted(at);
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

  private accepted(at: number): Unplaced<SubmissionFrame>[] {
    this.startedAt = at;
    const { namespace, workflowId, runId } = this.submission;
    return [{ type: 'accepted', namespace, workflow_id: workflowId, run_id: runId, at: iso(at) }];
  }

  private scheduled(
    attributes: temporal.api.history.v1.IActivityTaskScheduledEventAttributes,
    id: number,
    at: number,
  ): Unplaced<SubmissionFrame>[] {
    const stage = stageOfActivity(attributes.activityType?.name);
    if (!stage) return [];
    this.activities.set(id, { stage, scheduledAt: at });
    return [{ type: 'stage', stage, state: 'started', at: iso(at) }];
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
      const step = (result as TestReport).steps.at(-1);
      if (!step) return [];
      this.step = step;
      return (['stdout', 'stderr'] as const)
        .filter((stream) => step[stream].bytes > 0)
        .map((stream) => ({ type: 'output', stream, ...step[stream] }));
    }
    if (stage === STAGE_OF_ACTIVITY.awaitRollout) {
      const { outcome, reason, message } = result as RolloutReport;
      return [{ type: 'rollout', outcome, reason, message }];
    }
    return [];
  }

  private final(
    end: Ending & Pick<Verdict, 'tests' | 'live'>,
    namespace: string,
    at: number,
  ): Unplaced<SubmissionFrame> {
    const run = this.step ?? end.tests?.steps.at(-1);
    return {
      status: end.status,
      namespace,
      reason: end.reason,
      message: end.message,
      exit_code: run?.exitCode ?? null,
      error: run?.error ?? null,
      live: end.live && { submission_id: end.live.submissionId, code_digest: end.live.codeDigest },
      stdout: this.step?.stdout.text ?? null,
      stderr: this.step?.stderr.text ?? null,
      stdout_bytes: this.step?.stdout.bytes ?? 0,
      stderr_bytes: this.step?.stderr.bytes ?? 0,
      durations_ms: { ...Object.fromEntries(this.durations), total: at - this.startedAt },
      workflow_id: this.submission.workflowId,
      run_id: this.submission.runId,
    };
  }

  /** `status` and `namespace` stay the first two keys of a final frame, as the contract shows them. */
  private place(frame: Unplaced<SubmissionFrame>, cursor: string): SubmissionFrame {
    const { submissionId: submission_id } = this.submission;
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
