import { ApiError, Unreachable, type SubmissionRecord } from '..';

/** How the program ends. Stable: scripts go by them. */
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

/** What was wrong with how the program was called. */
export class UsageError extends Error {}

/** Of a submission that is under way it is that of success: it was taken. */
export function exitCodeOf(status: SubmissionRecord['status']): number {
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

export function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof Unreachable) return EXIT.unreachable;
  if (error instanceof ApiError) return error.code === 'unavailable' ? EXIT.unreachable : EXIT.refused;
  return EXIT.platformFailed;
}
