import { z } from 'zod';
import { FINAL_STATUSES } from '../../workflows/contract';
import { cursor, submission_id } from './frameFields';

export const finalFrame = z
  .object({
    status: z
      .enum(FINAL_STATUSES)
      .describe(
        '`tests_passed` when it was tested only (`deploy` was false); `deployed` when it is live, too.',
      ),
    namespace: z.string(),
    submission_id,
    reason: z.string(),
    message: z.string(),
    exit_code: z.int().nullable().describe('Of the program, or null when it was not run to an exit.'),
    signal: z.string().nullable().describe('Name of the signal that ended it, such as SIGKILL.'),
    serving: z.boolean().describe('Whether it passed because it served on its port.'),
    error: z
      .object({ message: z.string(), file: z.string().nullable(), line: z.int().nullable() })
      .nullable(),
    tests: z
      .object({
        total: z.int(),
        passed: z.int(),
        failed: z.int().optional(),
        skipped: z.int().optional().describe('Of `total`, what is in none of the others never ended.'),
      })
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
  })
  .meta({ title: 'Final frame', description: 'The last frame of a submission.' });

export type FinalFrame = z.infer<typeof finalFrame>;
