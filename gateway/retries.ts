import type { temporal } from '@temporalio/proto';
import type { AcceptedSubmission } from './frames';
import { rootMessage } from './historyEvents';
import type { StageFrame } from './serverFrames';
import { stageOfActivity } from './stages';

export type PendingActivity = Pick<
  temporal.api.workflow.v1.IPendingActivityInfo,
  'activityId' | 'activityType' | 'attempt' | 'lastFailure'
>;

/**
 * Tells of attempts after the first, which history does not: it is written when an activity is over.
 * One frame for each new attempt that is seen; attempts that come and go between two looks are not.
 */
export class RetryReader {
  private readonly told = new Map<string, number>();

  constructor(private readonly submission: Pick<AcceptedSubmission, 'submissionId'>) {}

  read(pending: PendingActivity[], now: Date): StageFrame[] {
    return pending.flatMap((activity) => {
      const stage = stageOfActivity(activity.activityType?.name);
      const id = activity.activityId ?? '';
      const attempt = activity.attempt ?? 1;
      if (!stage || attempt <= (this.told.get(id) ?? 1)) return [];
      this.told.set(id, attempt);
      const message = rootMessage(activity.lastFailure);
      return [
        {
          type: 'stage' as const,
          submission_id: this.submission.submissionId,
          stage,
          state: 'retrying' as const,
          at: now.toISOString(),
          attempt,
          ...(message !== undefined && { message }),
        },
      ];
    });
  }
}
