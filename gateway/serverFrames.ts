/** What the gateway sends. The schemas here are the source of the types and of `/schema.json`. */
import { z } from 'zod';

const submission_id = z.string().describe('The submission that the frame is about.');
const cursor = z
  .string()
  .describe('Place of the frame in the submission: the same each time it is followed.');
const at = z.iso.datetime().describe('When it happened, by the clock of Temporal.');

/** Codes of error frames. Stable: clients go by them. */
export const ERROR_CODES = [
  'invalid_json',
  'invalid_message',
  'code_too_large',
  'binary_not_supported',
  'too_many_in_flight',
  'conflict',
  'unavailable',
  'internal',
] as const;

export const acceptedFrame = z.object({
  type: z.literal('accepted'),
  submission_id,
  cursor,
  namespace: z.string(),
  workflow_id: z.string(),
  run_id: z.string(),
  at,
});

export const stageFrame = z.object({
  type: z.literal('stage'),
  submission_id,
  cursor: cursor
    .optional()
    .describe('Absent from `retrying`, which tells of the moment and is not replayed.'),
  stage: z.string(),
  state: z.enum(['started', 'completed', 'failed', 'cancelled', 'retrying']),
  at,
  attempt: z.int().optional(),
  duration_ms: z.number().optional(),
  message: z.string().optional().describe('Why it failed, or why the attempt before this one did.'),
});

export const outputFrame = z.object({
  type: z.literal('output'),
  submission_id,
  cursor,
  stream: z.enum(['stdout', 'stderr']),
  text: z.string(),
  bytes: z.int().describe('How many bytes were printed in all.'),
  truncated: z.boolean(),
});

export const rolloutFrame = z.object({
  type: z.literal('rollout'),
  submission_id,
  cursor,
  outcome: z.enum(['live', 'failed', 'superseded']),
  reason: z.string().nullable(),
  message: z.string().nullable(),
});

export const errorFrameSchema = z.object({
  type: z.literal('error'),
  code: z.enum(ERROR_CODES),
  field: z.string().optional(),
  limit: z.int().optional(),
  message: z.string(),
  submission_id: submission_id.optional(),
});

export const finalFrame = z.object({
  status: z.enum(['deployed', 'tests_failed', 'deploy_failed', 'superseded', 'cancelled', 'internal_error']),
  namespace: z.string(),
  submission_id,
  reason: z.string(),
  message: z.string(),
  exit_code: z.int().nullable().describe('Of the program, or null when it was not run to an exit.'),
  error: z.object({ message: z.string(), file: z.string().nullable(), line: z.int().nullable() }).nullable(),
  live: z
    .object({ submission_id: z.string(), code_digest: z.string() })
    .nullable()
    .describe('What is in production now, or null when nothing is or the submission did not get that far.'),
  stdout: z.string().nullable().describe('The text kept, or null when the tests were not run.'),
  stderr: z.string().nullable(),
  stdout_bytes: z.int(),
  stderr_bytes: z.int(),
  durations_ms: z.record(z.string(), z.number()).describe('Of each stage, and `total`.'),
  workflow_id: z.string(),
  run_id: z.string(),
  cursor,
});

export const serverFrame = z
  .union([acceptedFrame, stageFrame, outputFrame, rolloutFrame, errorFrameSchema, finalFrame])
  .meta({ title: 'Server frame', description: 'A frame with "status" is the last of its submission.' });

export type ErrorCode = (typeof ERROR_CODES)[number];
export type ErrorFrame = z.infer<typeof errorFrameSchema>;
export type StageFrame = z.infer<typeof stageFrame>;
export type FinalFrame = z.infer<typeof finalFrame>;
export type SubmissionFrame =
  | z.infer<typeof acceptedFrame>
  | StageFrame
  | z.infer<typeof outputFrame>
  | z.infer<typeof rolloutFrame>
  | FinalFrame;
export type ServerFrame = SubmissionFrame | ErrorFrame;

/** Whether a frame is the last one of its submission. */
export function isFinal(frame: ServerFrame): frame is FinalFrame {
  return 'status' in frame;
}

/** Builds an error frame; details that are undefined are left out of it. */
export function errorFrame(
  code: ErrorCode,
  message: string,
  details: {
    field?: string | undefined;
    limit?: number | undefined;
    submission_id?: string | undefined;
  } = {},
): ErrorFrame {
  return { type: 'error', code, message, ...details };
}
