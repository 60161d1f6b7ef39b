import { z } from 'zod';
import { LEAST_MEMORY_MB, type SubmissionRules } from './submissionRules';
import { fields } from './schemaHelpers';

/** Limits of a run, which cannot exceed those of the platform. */
export function limits(most: SubmissionRules['limits']) {
  return fields({
    wall_seconds: z
      .number()
      .min(0.1)
      .max(Math.max(most.wall_seconds, most.interactive_seconds))
      .optional()
      .describe(`At most ${most.wall_seconds}; of an interactive submission ${most.interactive_seconds}.`),
    memory_mb: z
      .int()
      .min(Math.min(LEAST_MEMORY_MB, most.memory_mb))
      .max(most.memory_mb)
      .optional()
      .describe('Mebibytes that a run holds in all: processes, files in memory, sockets.'),
    output_bytes: z
      .int()
      .min(1)
      .max(most.output_bytes)
      .optional()
      .describe('Of both streams together; the run is stopped at it.'),
  });
}
