import type { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { NOTHING_BEGUN } from '../activities/testing';

/** Type of the failure of an attempt that found no place. It is tried again. */
export const SHARE_FULL = 'ActivityShareFull';

/** The pause before the next attempt, in milliseconds; up to twice as long, so that not all come back at once. */
const PAUSE_MS = 1_000;

/**
 * Bounds how many activities of one user a worker carries out at once: whatever a user's activities wait for, other
 * users find free slots. One beyond the share gives its slot back at once.
 */
export class SlotShares {
  private readonly held = new Map<string, number>();

  /** @param most of one user at once */
  constructor(private readonly most: number) {}

  /** For the attempt of this context. */
  interceptor({ info, heartbeat }: Pick<Context, 'info' | 'heartbeat'>): ActivityInboundCallsInterceptor {
    // The gateway starts workflows with their user as the key of fairness. An older server does not hand it on.
    const user = info.priority?.fairnessKey;
    return {
      execute: async (
        input: ActivityExecuteInput,
        next: Next<ActivityInboundCallsInterceptor, 'execute'>,
      ) => {
        if (user === undefined) return next(input);
        const held = this.held.get(user) ?? 0;
        if (held >= this.most) {
          // For the next attempt: what the one before this left, or that there was nothing.
          heartbeat((info.heartbeatDetails as unknown) ?? NOTHING_BEGUN);
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
