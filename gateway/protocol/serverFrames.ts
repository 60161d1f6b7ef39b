/** Frames that the gateway sends. The schemas here are the source of the types and of `/schema.json`. */
import { z } from 'zod';
import { errorFrameSchema, type ErrorFrame } from './errorFrame';
import { finalFrame, type FinalFrame } from './finalFrameSchema';
import { at, cursor, submission_id } from './frameFields';
import { submissionDetails, submissionList } from './submissionRecord';

export const acceptedFrame = z.object({
  type: z.literal('accepted'),
  submission_id,
  cursor,
  namespace: z.string(),
  workflow_id: z.string(),
  run_id: z.string(),
  trace_id: z
    .string()
    .optional()
    .describe('Id of its OpenTelemetry trace, if the gateway that accepted it exports traces.'),
  at,
});

export const stageFrame = z.object({
  type: z.literal('stage'),
  submission_id,
  cursor: cursor
    .optional()
    .describe(
      'Absent from `retrying`, and from `queued` with a `position`: these describe the moment and are not replayed.',
    ),
  stage: z.string(),
  state: z
    .enum(['started', 'completed', 'deferred', 'failed', 'cancelled', 'retrying', 'queued', 'executed_again'])
    .describe(
      '`deferred`: starts again after `prepare_environment`. `queued`: waits for earlier runs of this user, and then starts again. `executed_again`: the test pod was replaced, and the output starts from the beginning.',
    ),
  at,
  position: z.int().optional().describe('With `queued`: how many runs are ahead of it in the test pod.'),
  attempt: z.int().optional(),
  duration_ms: z.number().optional(),
  message: z
    .string()
    .optional()
    .describe('Why it failed or was deferred, or why the attempt before this one failed.'),
});

export const outputFrame = z.object({
  type: z.literal('output'),
  submission_id,
  cursor,
  step: z.string().describe('Which step of the tests printed it: `install`, `run` or `tests`.'),
  stream: z.enum(['stdout', 'stderr']),
  offset: z.int().describe('Of its first byte, in the stream of that step.'),
  bytes: z.int().describe('How many bytes of the stream this is.'),
  text: z.string().optional(),
  encoding: z.literal('base64').optional().describe('Of `data`, which takes the place of `text`.'),
  data: z.string().optional().describe('Bytes that are not UTF-8.'),
  omitted_bytes: z
    .int()
    .optional()
    .describe('This many bytes from `offset` on were not kept and are not sent.'),
});

export const stepFrame = z.object({
  type: z.literal('step'),
  submission_id,
  cursor,
  step: z.enum(['install', 'syntax', 'run', 'tests']),
  state: z.enum(['passed', 'failed', 'skipped']),
  duration_ms: z.number().optional(),
  cpu_ms: z.number().optional(),
  peak_memory_bytes: z.int().optional(),
  executed_again: z
    .literal(true)
    .optional()
    .describe('The pod that executed it first, or may have, no longer exists.'),
});

export const testFrame = z.object({
  type: z.literal('test'),
  submission_id,
  cursor,
  name: z.string(),
  outcome: z.string().describe('`passed`, `skipped`, `error`, `wrong_output`, or how its run ended.'),
  duration_ms: z.number(),
  message: z.string().nullable().describe('Why it did not pass.'),
});

/** The answer to a cancel message. It is not a frame of the submission, so it has no cursor. */
export const cancelFrame = z.object({
  type: z.literal('cancel'),
  submission_id,
  state: z.enum(['requested', 'over']).describe('`over`: the submission had already ended.'),
});

/** The answer to a stdin message. */
export const stdinFrame = z.object({
  type: z.literal('stdin'),
  submission_id,
  received: z.int().describe('Bytes of input received so far: the offset of the next piece.'),
  eof: z.boolean().describe('Whether the input has ended.'),
});

/**
 * How a test case ended, sent as soon as it has. The `test` frames, which are sent when all have ended, are
 * the final results. This frame is only live progress, so it has no cursor.
 */
export const caseFrame = z.object({
  type: z.literal('case'),
  submission_id,
  index: z.int().describe('Of the case, from 0 on.'),
  total: z.int(),
  name: z.string(),
  outcome: z.string(),
  duration_ms: z.number(),
});

/** The answer to a status message. It is not a frame of the submission, so it has no cursor. */
export const statusFrame = z.object({
  type: z.literal('status'),
  submission_id,
  submission: submissionDetails,
});

/** The answer to a list message. */
export const listFrame = submissionList.extend({ type: z.literal('list') });

export const rolloutFrame = z.object({
  type: z.literal('rollout'),
  submission_id,
  cursor,
  outcome: z.enum(['live', 'failed', 'superseded']),
  reason: z.string().nullable(),
  message: z.string().nullable(),
});

/** A frame of a submission, over WebSockets and as a Server-Sent Event. */
export const submissionFrame = z
  .union([acceptedFrame, stageFrame, outputFrame, caseFrame, stepFrame, testFrame, rolloutFrame, finalFrame])
  .meta({ title: 'Submission frame', description: 'A frame with "status" is the last of its submission.' });

export const serverFrame = z
  .union([...submissionFrame.options, cancelFrame, stdinFrame, statusFrame, listFrame, errorFrameSchema])
  .meta({ title: 'Server frame', description: 'A frame with "status" is the last of its submission.' });

export type StageFrame = z.infer<typeof stageFrame>;
export type OutputFrame = z.infer<typeof outputFrame>;
export type StepFrame = z.infer<typeof stepFrame>;
export type TestFrame = z.infer<typeof testFrame>;
export type CancelFrame = z.infer<typeof cancelFrame>;
export type StdinFrame = z.infer<typeof stdinFrame>;
export type CaseFrame = z.infer<typeof caseFrame>;
export type RolloutFrame = z.infer<typeof rolloutFrame>;
export type StatusFrame = z.infer<typeof statusFrame>;
export type ListFrame = z.infer<typeof listFrame>;
export type { FinalFrame };
export type SubmissionFrame =
  | z.infer<typeof acceptedFrame>
  | StageFrame
  | OutputFrame
  | (CaseFrame & { cursor?: undefined })
  | StepFrame
  | TestFrame
  | RolloutFrame
  | FinalFrame;
export type ServerFrame = SubmissionFrame | CancelFrame | StdinFrame | StatusFrame | ListFrame | ErrorFrame;

/** A frame without the id of its submission and without its cursor. */
export type Unplaced<T> = T extends unknown ? Omit<T, 'submission_id' | 'cursor'> : never;

/** Whether a frame is the last one of its submission. */
export function isFinal(frame: ServerFrame): frame is FinalFrame {
  return 'status' in frame;
}
