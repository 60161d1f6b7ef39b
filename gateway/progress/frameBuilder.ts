import { requiredTsToMs } from '@temporalio/common/lib/time';
import type { RolloutReport, StepReport, SubmitCodeInput, TestReport } from '../../workflows/contract';
import { STAGE_OF_ACTIVITY } from '../../workflows/contract';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import { comesAfter, formatCursor, type Cursor } from '../protocol/cursor';
import { finalFrame, type End } from './finalFrame';
import {
  decode,
  endWithoutVerdict,
  rootMessage,
  traceIdIn,
  verdictIn,
  type HistoryEvent,
} from '../../workflows/history/events';
import type { ProgramUrl } from '../protocol/programUrl';
import { OutputEmitter, type EndedCase, type LiveChunk } from './outputEmitter';
import type { CaseFrame, StageFrame, SubmissionFrame, Unplaced } from '../protocol/serverFrames';
import { Stages, type StageStep } from '../../workflows/history/stages';
import { stepFrames, testFrames } from './testFrames';

/** Tests in progress: their output can be followed. */
export interface PendingTests {
  /** The event that began them. */
  event: number;
  /** In milliseconds since the epoch, by the clock of Temporal. */
  scheduledAt: number;
  output: OutputEmitter;
}

type Placed = { frame: Unplaced<SubmissionFrame>; cursor: Cursor };

/** For a submission that ended without a verdict. */
const NOTHING_KNOWN = { tests: null, migration: null, rollout: null, supersededBy: null, live: null };

/**
 * Builds a submission's frames from its history, event by event from the first one on. The same history
 * always gives the same frames with the same cursors, on any gateway. Only how output is split into frames
 * depends on how much of it was streamed live.
 */
export class FrameBuilder {
  private readonly stages = new Stages();
  private startedAt = 0;
  private input: SubmitCodeInput | null = null;
  private step: StepReport | null = null;
  private pending: PendingTests | null = null;
  private over = false;

  /**
   * @param after cursor of the last frame that the client has: only frames after it are returned
   * @param programUrl default: programs are not reached through the gateway
   */
  constructor(
    private readonly submission: AcceptedSubmission,
    private readonly after: Cursor | null = null,
    private readonly programUrl: ProgramUrl = () => null,
  ) {}

  /** The tests whose output can be followed now. */
  get pendingTests(): PendingTests | null {
    return this.pending;
  }

  /** Whether a stage is in progress. A stage in the test queue is not. */
  get isPending(): boolean {
    return this.stages.isPending;
  }

  /** Whether the final frame was reached. */
  get isOver(): boolean {
    return this.over;
  }

  /**
   * Returns the frames of the next event. Pass each event exactly once: its meaning depends on earlier ones.
   */
  read(event: HistoryEvent): SubmissionFrame[] {
    const id = Number(event.eventId);
    const at = requiredTsToMs(event.eventTime, 'eventTime');
    const stage = this.stages.read(event, at);
    // Output comes before the frame that ends its stage, and has its own cursors.
    const output = stage ? this.outputAt(stage, at) : [];
    const frames = stage ? [frameOf(stage), ...this.results(stage)] : this.otherFrames(event, at);
    return this.unseen([
      ...output,
      ...frames.map((frame, index) => ({ frame, cursor: { event: id, index } })),
    ]);
  }

  /** Returns frames for live output of the tests that the event `event` began. */
  live(event: number, piece: LiveChunk, now: Date): SubmissionFrame[] {
    if (this.pending?.event !== event) return [];
    return this.unseen([...this.pending.output.live(piece, now.toISOString())]);
  }

  /** Returns the frame for a test case that ended, of the tests that the event `event` began. */
  ended(event: number, { number, total, name, outcome, durationMs }: EndedCase): CaseFrame[] {
    if (this.pending?.event !== event) return [];
    const { submissionId: submission_id } = this.submission;
    return [
      { type: 'case', submission_id, index: number - 1, total, name, outcome, duration_ms: durationMs },
    ];
  }

  private unseen(frames: Placed[]): SubmissionFrame[] {
    return frames
      .filter(({ cursor }) => this.after === null || comesAfter(cursor, this.after))
      .map((placed) => this.place(placed));
  }

  /** Starts to follow output when tests start. When they end, emits the output that was not emitted yet. */
  private outputAt({ stage, begun: event, state, result }: StageStep, at: number): Placed[] {
    if (stage !== STAGE_OF_ACTIVITY.runTests) return [];
    if (state === 'started') {
      const { after } = this;
      const told = after?.event === event && 'output' in after ? after.output : null;
      this.pending = { event, scheduledAt: at, output: new OutputEmitter(event, told) };
      return [];
    }
    const { pending } = this;
    this.pending = null;
    return pending && state === 'completed' ? [...pending.output.rest(result as TestReport, isoOf(at))] : [];
  }

  /** The frames with the results of a completed stage. */
  private results({ stage, state, result }: StageStep): Unplaced<SubmissionFrame>[] {
    if (state !== 'completed') return [];
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

  private otherFrames(event: HistoryEvent, at: number): Unplaced<SubmissionFrame>[] {
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) return this.accepted(decode(started.input?.payloads?.[0]), traceIdIn(started.header), at);
    const verdict = verdictIn(event);
    if (verdict) return [this.final(verdict, verdict.namespace, at)];
    const ending = endWithoutVerdict(event);
    if (ending) return [this.final({ ...ending, ...NOTHING_KNOWN }, this.submission.namespace, at)];
    return [];
  }

  private accepted(
    input: unknown,
    traceId: string | undefined,
    startedAt: number,
  ): Unplaced<SubmissionFrame>[] {
    this.startedAt = startedAt;
    this.input = (input as SubmitCodeInput | undefined) ?? null;
    const { namespace, workflowId, runId } = this.submission;
    const at = isoOf(startedAt);
    const trace = traceId === undefined ? {} : { trace_id: traceId };
    return [{ type: 'accepted', namespace, workflow_id: workflowId, run_id: runId, ...trace, at }];
  }

  private final(
    end: Omit<End, 'namespace' | 'step' | 'brought' | 'url' | 'durationsMs' | 'workflowId' | 'runId'>,
    namespace: string,
    at: number,
  ): Unplaced<SubmissionFrame> {
    this.over = true;
    const { workflowId, runId, userId } = this.submission;
    const durationsMs = { ...this.stages.durationsMs, total: at - this.startedAt };
    const brought = (this.input?.tests ?? null) !== null;
    const url = this.programUrl(userId);
    return finalFrame({ ...end, namespace, step: this.step, brought, url, durationsMs, workflowId, runId });
  }

  /**
   * Adds the submission and the cursor to a frame. In a final frame, `status` and `namespace` stay the first
   * keys.
   */
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

/** Why a stage was deferred. The detailed reason is for operators, in the log of actions. */
const DEFERRED =
  'Your environment is being prepared first. Only a first submission, or one after a long pause, waits for this.';

function frameOf({ stage, state, startedAt, at, attempt, failure }: StageStep): Unplaced<StageFrame> {
  const message = state === 'deferred' ? DEFERRED : rootMessage(failure);
  const isEnd = state !== 'started' && state !== 'queued';
  return {
    ...{ type: 'stage', stage, state, at: isoOf(at) },
    ...(attempt !== undefined && isEnd && { attempt }),
    ...(isEnd && { duration_ms: at - startedAt }),
    ...(message !== undefined && { message }),
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
