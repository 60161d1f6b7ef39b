import { z } from 'zod';
import { ADVICE } from './errorCodes';

/** The code of an error, over WebSockets and HTTP alike. Codes are stable, because clients depend on them. */
export type ErrorCode = keyof typeof ADVICE;

export const errorFrameSchema = z
  .object({
    type: z.literal('error'),
    code: z.enum(Object.keys(ADVICE) as ErrorCode[]),
    field: z.string().optional().describe('Path of the field at fault, such as tests.cases[2].stdin.'),
    limit: z.number().optional().describe('What the field was beyond.'),
    message: z.string(),
    retry_after_seconds: z.int().optional().describe('When to send it again at the earliest.'),
    advice: z.string().describe('What to do, in a sentence.'),
    submission_id: z.string().optional().describe('The submission that the frame is about, if it is known.'),
  })
  .meta({
    title: 'Error',
    description: 'What was wrong, and what to do. Over HTTP it is the body of the answer.',
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
