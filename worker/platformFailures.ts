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
 * Sets the Temporal failure type of errors that adapters throw to the error's `name`. Retry policies and the
 * workflow distinguish failures by this type. (The SDK itself would use the class name.)
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
        // Other runs come first. This is normal, not an error.
        ...(error.name === BUSY && { category: ApplicationFailureCategory.BENIGN }),
      });
    }
  }
}
