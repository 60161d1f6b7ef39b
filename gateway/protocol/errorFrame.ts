import { z } from 'zod';
import { ADVICE } from './errorCodes';

/** The code of an error, over WebSockets and HTTP alike. Codes are stable, because clients depend on them. */
export type ErrorCode = keyof typeof ADVICE;

export const errorFrameSchema = z
  .object({
    type: z.literal('error'),
    code: z.enum(Object.keys(ADVICE) as ErrorCode[]),
    field: z.string().optional().describe('Path of the invalid field, such as tests.cases[2].stdin.'),
    limit: z.number().optional().describe('The limit that was exceeded.'),
    message: z.string(),
    retry_after_seconds: z.int().optional().describe('Seconds to wait before the next try.'),
    advice: z.string().describe('What to do about it, in one sentence.'),
    submission_id: z.string().optional().describe('The submission that the error belongs to, if known.'),
  })
  .meta({
    title: 'Error',
    description: 'What was wrong, and what to do. Over HTTP it is the response body.',
  });

export type ErrorFrame = z.infer<typeof errorFrameSchema>;

/** Builds an error frame. Undefined details are omitted. */
export function errorFrame(
  code: ErrorCode,
  message: string,
  details: {
    field?: string | undefined;
    limit?: number | undefined;
    retry_after_seconds?: number | undefined;
    submission_id?: string | undefined;
  } = {},
): ErrorFrame {
  return { type: 'error', code, message, advice: ADVICE[code], ...details };
}
