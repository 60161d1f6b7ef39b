/** What the gateway sends. The schemas here are the source of the types and of `/schema.json`. */
import { z } from 'zod';
import { errorFrameSchema, type ErrorFrame } from './errorFrame';

const submission_id = z.string().describe('The submission that the frame is about.');
const cursor = z
  .string()
  .describe('Place of the frame in the submission: the same each time it is followed.');
const at = z.iso.datetime().describe('When it happened, by the clock of Temporal.');

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
    .describe('Absent from `retrying` and `queued`, which tell of the moment and are not replayed.'),
  stage: z.string(),
  state: z
    .enum(['started', 'completed', 'failed', 'cancelled', 'retrying', 'queued', 'executed_again'])
    .describe('`executed_again`: the test pod was replaced, and output begins anew.'),
  at,
  position: z.int().optional().describe('Of `queued`: how many runs come before it in its test pod.'),
  attempt: z.int().optional(),
  duration_ms: z.number().optional(),
  message: z.string().optional().describe('Why it failed, or why the attempt before this one did.'),
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
    .describe('So many bytes from `offset` on were not kept, and do not come.'),
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
  executed_again: z.literal(true).optional().describe('The pod that executed it first was replaced.'),
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

/** The answer to a message that cancels. It is no frame of the submission and has no cursor. */
export const cancelFrame = z.object({
  type: z.literal('cancel'),
  submission_id,
  state: z.enum(['requested', 'over']).describe('`over`: it had ended before.'),
});

export const rolloutFrame = z.object({
  type: z.literal('rollout'),
  submission_id,
  cursor,
  outcome: z.enum(['live', 'failed', 'superseded']),
  reason: z.string().nullable(),
  message: z.string().nullable(),
});

export const finalFrame = z.object({
  status: z.enum(['deployed', 'tests_failed', 'deploy_failed', 'superseded', 'cancelled', 'internal_error']),
  namespace: z.string(),
  submission_id,
  reason: z.string(),
  message: z.string(),
  exit_code: z.int().nullable().describe('Of the program, or null when it was not run to an exit.'),
  signal: z.string().nullable().describe('Name of the signal that ended it, such as SIGKILL.'),
  serving: z.boolean().describe('Whether it passed because it served on its port.'),
  error: z.object({ message: z.string(), file: z.string().nullable(), line: z.int().nullable() }).nullable(),
  tests: z
    .object({ total: z.int(), passed: z.int() })
    .nullable()
    .describe('Null when the submission brought none or they were not run.'),
  wall_ms: z.number().nullable().describe('Of the step that decided, as the next two.'),
  cpu_ms: z.number().nullable(),
  peak_memory_bytes: z.int().nullable(),
  migration: z
    .object({
      outcome: z.enum(['passed', 'failed']),
      exit_code: z.int().nullable(),
      message: z.string().nullable(),
      output: z.string().describe('The last lines that it printed.'),
    })
    .nullable()
    .describe('Of the file that the submission named, or null when it named none or did not get that far.'),
  rollout: z
    .object({
      outcome: z.enum(['live', 'failed', 'superseded']),
      events: z.array(z.string()).describe('What Kubernetes reported of one that failed, newest last.'),
      output: z.string().describe('The last lines that a program which failed printed in production.'),
    })
    .nullable()
    .describe('Null when it did not come to that.'),
  superseded_by: z
    .string()
    .nullable()
    .describe('The later submission that took its place, if that is known.'),
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
  .union([
    acceptedFrame,
    stageFrame,
    outputFrame,
    stepFrame,
    testFrame,
    rolloutFrame,
    cancelFrame,
    errorFrameSchema,
    finalFrame,
  ])
  .meta({ title: 'Server frame', description: 'A frame with "status" is the last of its submission.' });

export type StageFrame = z.infer<typeof stageFrame>;
export type OutputFrame = z.infer<typeof outputFrame>;
export type StepFrame = z.infer<typeof stepFrame>;
export type TestFrame = z.infer<typeof testFrame>;
export type CancelFrame = z.infer<typeof cancelFrame>;
export type FinalFrame = z.infer<typeof finalFrame>;
export type SubmissionFrame =
  | z.infer<typeof acceptedFrame>
  | StageFrame
  | OutputFrame
  | StepFrame
  | TestFrame
  | z.infer<typeof rolloutFrame>
  | FinalFrame;
export type ServerFrame = SubmissionFrame | CancelFrame | ErrorFrame;

/** A frame before it is told which submission and place it belongs to. */
export type Unplaced<T> = T extends unknown ? Omit<T, 'submission_id' | 'cursor'> : never;

/** Whether a frame is the last one of its submission. */
export function isFinal(frame: ServerFrame): frame is FinalFrame {
  return 'status' in frame;
}
