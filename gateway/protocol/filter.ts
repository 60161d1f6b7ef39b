import { z } from 'zod';
import { SUBMISSION_STATUSES, type SubmissionStatus } from '../../workflows/contract';
import { userId } from './identifiers';

/** Maximum and default number of submissions on a page of a list. */
const MOST_ON_A_PAGE = 100;
const ON_A_PAGE = 50;

/** Which submissions to list. @param number the schema of `limit`, which is text in a query */
export function filterFields<N extends z.ZodType<number> & { min(n: number): N; max(n: number): N }>(
  number: N,
) {
  return {
    user: userId().optional().describe('Of this user.'),
    status: z
      .enum(SUBMISSION_STATUSES, {
        error: ({ input }) =>
          input === undefined ? undefined : `must be one of ${SUBMISSION_STATUSES.join(', ')}`,
      })
      .optional(),
    since: moment().optional().describe('Accepted at this time or later.'),
    until: moment().optional().describe('Accepted before this time.'),
    limit: number
      .min(1)
      .max(MOST_ON_A_PAGE)
      .default(ON_A_PAGE as never)
      .describe('At most so many of them.'),
    page: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,4096}$/, 'must be the next_page of a list')
      .optional()
      .describe('The `next_page` of the list before; the filters must be the same.'),
  };
}

function moment() {
  return z.iso.datetime({
    offset: true,
    error: ({ input }) =>
      input === undefined ? undefined : 'must be a time of ISO 8601, such as 2026-01-31T12:00:00Z',
  });
}

export interface SubmissionFilter {
  user?: string | undefined;
  status?: SubmissionStatus | undefined;
  /** ISO 8601, with a time zone. `until` is exclusive. */
  since?: string | undefined;
  until?: string | undefined;
  limit: number;
  page?: string | undefined;
}
