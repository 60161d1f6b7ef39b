import { ApiError, Unreachable, type SubmissionRecord } from '..';

/** Exit codes. They are stable, because scripts depend on them. */
export const EXIT = {
  done: 0,
  testsFailed: 1,
  usage: 2,
  deployFailed: 3,
  superseded: 4,
  cancelled: 5,
  platformFailed: 6,
  refused: 7,
  unreachable: 8,
} as const;

/** The program was called with wrong arguments or settings. */
export class UsageError extends Error {}

/** A submission in progress counts as success: it was accepted. */
export function exitCodeOfStatus(status: SubmissionRecord['status']): number {
  switch (status) {
    case 'running':
    case 'deployed':
    case 'tests_passed':
      return EXIT.done;
    case 'tests_failed':
      return EXIT.testsFailed;
    case 'deploy_failed':
      return EXIT.deployFailed;
    case 'superseded':
      return EXIT.superseded;
    case 'cancelled':
      return EXIT.cancelled;
    case 'internal_error':
      return EXIT.platformFailed;
  }
}

export function exitCodeOfError(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof Unreachable) return EXIT.unreachable;
  if (error instanceof ApiError) return error.code === 'unavailable' ? EXIT.unreachable : EXIT.refused;
  return EXIT.platformFailed;
}
