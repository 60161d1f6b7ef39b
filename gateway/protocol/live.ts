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
  submission_id: z
    .string()
    .nullable()
    .describe('The submission that its program comes from; null for the database.'),
  state: z
    .enum(['pending', 'starting', 'running', 'ready', 'failing', 'ended', 'leaving'])
    .describe('`running` until it is `ready`; `failing` if waiting will not make it ready.'),
  restarts: z.int(),
  message: z.string().nullable().describe('Why it is not ready.'),
  since: z.iso.datetime().nullable().describe('When the pod was created.'),
});

/** What a user has in production. */
export const liveBody = z
  .object({
    user_id: userId(),
    namespace: z.string(),
    state: z.string(),
    url: z
      .string()
      .nullable()
      .describe(
        'Where browsers reach the program when it is `ready`: a URL of its own origin, or a path of this gateway. ' +
          'Null if this gateway forwards to no program.',
      ),
    since: z.string().nullable().describe('Live since, in ISO 8601.'),
    live: program.nullable().describe('Null if nothing is live.'),
    rolling_out: program.nullable().describe('The program that is being rolled out to replace it.'),
    pods: z.array(pod).describe('Pods of the program and its database, oldest first.'),
  })
  .meta({ title: 'Live', description: 'What a user has in production.' });

export type Live = z.infer<typeof liveBody>;
