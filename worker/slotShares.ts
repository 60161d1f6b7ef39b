import type { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { NO_EXECUTIONS } from '../activities/testing';

/** The failure type of an attempt that found no free slot. It is retried. */
export const SHARE_FULL = 'ActivityShareFull';

/**
 * The shortest delay before the next attempt, in milliseconds. A random delay of up to twice this spreads
 * retries.
 */
const PAUSE_MS = 1_000;

/**
 * Limits how many activities of one user a worker runs at once. So other users find free slots, whatever one
 * user's activities wait for. An attempt beyond the limit releases its slot at once.
 */
export class SlotShares {
  private readonly held = new Map<string, number>();

  /** @param most the most activities of one user at once */
  constructor(private readonly most: number) {}

  /** The interceptor for the activity attempt of this context. */
  interceptor({ info, heartbeat }: Pick<Context, 'info' | 'heartbeat'>): ActivityInboundCallsInterceptor {
    // The gateway starts workflows with the user as the fairness key. Older servers do not pass it on.
    const user = info.priority?.fairnessKey;
    return {
      execute: async (
        input: ActivityExecuteInput,
        next: Next<ActivityInboundCallsInterceptor, 'execute'>,
      ) => {
        if (user === undefined) return next(input);
        const held = this.held.get(user) ?? 0;
        if (held >= this.most) {
          // Passes on the previous attempt's heartbeat details, or reports that nothing has begun.
          heartbeat((info.heartbeatDetails as unknown) ?? NO_EXECUTIONS);
          throw ApplicationFailure.create({
            message: `${held} other activities of this user are under way on this worker.`,
            type: SHARE_FULL,
            nextRetryDelay: PAUSE_MS * (1 + Math.random()),
            category: ApplicationFailureCategory.BENIGN,
          });
        }
        this.held.set(user, held + 1);
        try {
          return await next(input);
        } finally {
          this.leave(user);
        }
      },
    };
  }

  private leave(user: string): void {
    const rest = (this.held.get(user) ?? 1) - 1;
    if (rest > 0) this.held.set(user, rest);
    else this.held.delete(user);
  }
}
