import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { PlatformFailure } from '../activities/ports';

export const PLATFORM_FAILURES: readonly string[] = [
  'EnvironmentMissing',
  'Rejected',
  'TestPodBusy',
  'Unavailable',
] satisfies PlatformFailure[];

const BUSY: PlatformFailure = 'TestPodBusy';

/**
 * Gives the failures that adapters throw their name as Temporal's failure type, by which retry policies and
 * the workflow tell them apart. (The SDK itself would take the name of the class.)
 */
export class PlatformFailures implements ActivityInboundCallsInterceptor {
  async execute(
    input: ActivityExecuteInput,
    next: Next<ActivityInboundCallsInterceptor, 'execute'>,
  ): Promise<unknown> {
    try {
      return await next(input);
    } catch (error) {
      if (!(error instanceof Error) || !PLATFORM_FAILURES.includes(error.name)) throw error;
      const { reason } = error as { reason?: unknown };
      throw ApplicationFailure.fromError(error, {
        type: error.name,
        ...(reason != null && { details: [{ reason }] }),
        // Others come first, and that is no fault.
        ...(error.name === BUSY && { category: ApplicationFailureCategory.BENIGN }),
      });
    }
  }
}
