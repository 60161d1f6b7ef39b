import { z } from 'zod';
import { FINAL_STATUSES } from '../../workflows/contract';
import { cursor, submission_id } from './frameFields';

export const finalFrame = z
  .object({
    status: z
      .enum(FINAL_STATUSES)
      .describe('`tests_passed` if it was only tested (`deploy` was false); `deployed` if it is also live.'),
    namespace: z.string(),
    submission_id,
    reason: z.string(),
    message: z.string(),
    exit_code: z.int().nullable().describe('Exit code of the program; null if it did not run to its end.'),
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
        skipped: z.int().optional().describe('Tests of `total` that are in none of the counts never ended.'),
      })
      .nullable()
      .describe('Null if the submission has no tests or they were not run.'),
    wall_ms: z
      .number()
      .nullable()
      .describe('Of the step that decided the verdict, as are the next three fields.'),
    cpu_ms: z.number().nullable(),
    peak_memory_bytes: z.int().nullable(),
    sandbox: z
      .string()
      .nullable()
      .describe('What stood between the program and the node: gvisor, landlock or seccomp. Null if unknown.'),
    migration: z
      .object({
        outcome: z.enum(['passed', 'failed']),
        exit_code: z.int().nullable(),
        message: z.string().nullable(),
        output: z.string().describe('The last lines that it printed.'),
      })
      .nullable()
      .describe('Null if the submission has no migration or did not get that far.'),
    rollout: z
      .object({
        outcome: z.enum(['live', 'failed', 'superseded']),
        events: z.array(z.string()).describe('Kubernetes events of a rollout that failed, newest last.'),
        output: z.string().describe('The last lines that a program printed in production before it failed.'),
      })
      .nullable()
      .describe('Null if the submission did not get that far.'),
    superseded_by: z.string().nullable().describe('The later submission that replaced it, if known.'),
    live: z
      .object({ submission_id: z.string(), code_digest: z.string() })
      .nullable()
      .describe('What is in production now; null if nothing is, or the submission did not get that far.'),
    url: z
      .string()
      .nullable()
      .describe(
        'Where browsers reach the program that is live now, if it serves: a URL of its own origin, or a path of the ' +
          'gateway. Null if it was not deployed, or if the gateway forwards to no program.',
      ),
    stdout: z.string().nullable().describe('The captured text; null if the tests were not run.'),
    stderr: z.string().nullable(),
    stdout_bytes: z.int(),
    stderr_bytes: z.int(),
    durations_ms: z.record(z.string(), z.number()).describe('Duration of each stage, and `total`.'),
    workflow_id: z.string(),
    run_id: z.string(),
    cursor,
  })
  .meta({ title: 'Final frame', description: 'The last frame of a submission.' });

export type FinalFrame = z.infer<typeof finalFrame>;
