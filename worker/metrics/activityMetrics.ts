import { CancelledFailure, type Context } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { BRIEF_TESTS, STAGE_OF_ACTIVITY } from '../../workflows/contract';
import { PLATFORM_FAILURES } from '../platformFailures';
import { SHARE_FULL } from '../slotShares';
import type { WorkerMetrics } from './metrics';

const STAGES: Record<string, string> = { ...STAGE_OF_ACTIVITY, [BRIEF_TESTS]: STAGE_OF_ACTIVITY.runTests };

/** Counts each attempt at an activity. */
export class ActivityMetrics implements ActivityInboundCallsInterceptor {
  constructor(
    private readonly context: Context,
    private readonly metrics: WorkerMetrics,
  ) {}

  async execute(
    input: ActivityExecuteInput,
    next: Next<ActivityInboundCallsInterceptor, 'execute'>,
  ): Promise<unknown> {
    const { activityType, attempt, currentAttemptScheduledTimestampMs: scheduled } = this.context.info;
    const stage = STAGES[activityType] ?? activityType;
    const { metrics } = this;
    metrics.queue.observe({ stage }, Math.max(0, Date.now() - scheduled) / 1000);
    if (attempt > 1) metrics.retries.inc({ stage });

    const begun = performance.now();
    const ended = (outcome: string) =>
      metrics.stage.observe({ stage, outcome }, (performance.now() - begun) / 1000);
    try {
      const result = await next(input);
      ended('success');
      return result;
    } catch (error) {
      ended(error instanceof CancelledFailure ? 'cancelled' : 'failure');
      if (!(error instanceof CancelledFailure)) metrics.failures.inc({ stage, failure: kindOf(error) });
      throw error;
    }
  }
}

function kindOf(error: unknown): string {
  const name = (error as { type?: unknown }).type ?? (error as Error).name;
  return [...PLATFORM_FAILURES, SHARE_FULL].find((known) => known === name) ?? 'other';
}
