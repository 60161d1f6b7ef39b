import type { temporal } from '@temporalio/proto';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import { decode, rootMessage } from '../../workflows/history/events';
import type { StageFrame } from '../protocol/serverFrames';
import { stageOfActivity } from '../../workflows/history/stages';

export type PendingActivity = Pick<
  temporal.api.workflow.v1.IPendingActivityInfo,
  'activityId' | 'activityType' | 'attempt' | 'lastFailure' | 'heartbeatDetails'
>;

/** The part of a submission's test heartbeats that clients see. */
interface Heartbeat {
  current?: { position?: number };
}

/**
 * Reports what the history does not contain, because it is written when an activity ends: retries, and how
 * many runs are ahead of this one in its test pod. Emits one frame for each change. A change that is undone
 * between two checks is not seen.
 */
export class PendingReader {
  private readonly attempts = new Map<string, number>();
  private readonly positions = new Map<string, number>();

  constructor(private readonly submission: Pick<AcceptedSubmission, 'submissionId'>) {}

  read(pending: PendingActivity[], now: Date): StageFrame[] {
    return pending.flatMap((activity) => {
      const stage = stageOfActivity(activity.activityType?.name);
      if (!stage) return [];
      const { submissionId: submission_id } = this.submission;
      const frame = { type: 'stage' as const, submission_id, stage, at: now.toISOString() };
      return [...this.retry(activity, frame), ...this.queued(activity, frame)];
    });
  }

  private *retry(activity: PendingActivity, frame: Omit<StageFrame, 'state'>): Generator<StageFrame> {
    const attempt = activity.attempt ?? 1;
    if (!changes(this.attempts, activity, attempt, 1) || attempt === 1) return;
    const message = rootMessage(activity.lastFailure);
    yield { ...frame, state: 'retrying', attempt, ...(message !== undefined && { message }) };
  }

  private *queued(activity: PendingActivity, frame: Omit<StageFrame, 'state'>): Generator<StageFrame> {
    const heartbeat = decode(activity.heartbeatDetails?.payloads?.[0]) as Heartbeat | undefined;
    const position = heartbeat?.current?.position ?? 0;
    if (!changes(this.positions, activity, position, 0) || position === 0) return;
    yield { ...frame, state: 'queued', position };
  }
}

/** Whether a value of an activity has changed since the last check. */
function changes(known: Map<string, number>, { activityId }: PendingActivity, value: number, first: number) {
  const id = activityId ?? '';
  const before = known.get(id) ?? first;
  known.set(id, value);
  return before !== value;
}
