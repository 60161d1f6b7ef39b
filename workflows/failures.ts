import { ActivityFailure, ApplicationFailure, isCancellation, TemporalFailure } from '@temporalio/workflow';

/** Reason and message of a platform failure. Any other error is a bug and is rethrown. */
export function describeFailure(error: unknown): { reason: string; message: string } {
  if (!(error instanceof TemporalFailure)) throw error;
  if (isCancellation(error)) return { reason: 'cancelled', message: 'The submission was cancelled.' };
  const cause = error instanceof ActivityFailure && error.cause ? error.cause : error;
  const reason = cause instanceof ApplicationFailure ? (cause.type ?? 'Error') : cause.name;
  return { reason, message: cause.message };
}

/** True for a failure of this type, or an activity that failed with one. */
export function failedWith(error: unknown, type: string): boolean {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  return failure instanceof ApplicationFailure && failure.type === type;
}
