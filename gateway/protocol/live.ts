import { z } from 'zod';
import { userId } from './identifiers';

const program = z.object({
  submission_id: z.string(),
  code_digest: z.string(),
  workflow_id: z.string(),
  run_id: z.string(),
});

const pod = z.object({
  name: z.string(),
  component: z.enum(['program', 'database', 'migration']),
  submission_id: z.string().nullable().describe('What its program comes from; null for the database.'),
  state: z
    .enum(['pending', 'starting', 'running', 'ready', 'failing', 'ended', 'leaving'])
    .describe('`running` until it is `ready`; `failing` when it cannot become so by waiting.'),
  restarts: z.int(),
  message: z.string().nullable().describe('What keeps it from being ready.'),
  since: z.iso.datetime().nullable().describe('When it was made.'),
});

/** What a user has in production. */
export const liveBody = z
  .object({
    user_id: userId(),
    namespace: z.string(),
    state: z.string(),
    since: z.string().nullable().describe('When it began to be live, in ISO 8601.'),
    live: program.nullable().describe('Null when nothing is.'),
    rolling_out: program.nullable().describe('What is on its way to take its place.'),
    pods: z.array(pod).describe('Of the program and its database, the oldest first.'),
  })
  .meta({ title: 'Live', description: 'What a user has in production.' });

export type Live = z.infer<typeof liveBody>;
