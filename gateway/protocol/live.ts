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

const ports = z.array(z.int());

const egress = z.object({
  internet: z.boolean().describe('Every public address, and DNS.'),
  ranges: z
    .array(z.object({ cidr: z.string(), ports: ports.nullable() }))
    .describe('Ranges of addresses, each with its TCP ports; null: any port and protocol.'),
  hosts: z
    .array(z.object({ host: z.string(), ports }))
    .describe('Hosts that the egress proxy connects to; `*.example.com` is each host below `example.com`.'),
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
    egress: egress
      .nullable()
      .describe(
        'What programs may connect to in addition to their database and the package index, by the plan of the ' +
          'user. Null if there is no environment yet, or if it is not known.',
      ),
    pods: z.array(pod).describe('Pods of the program and its database, oldest first.'),
  })
  .meta({ title: 'Live', description: 'What a user has in production.' });

export type Live = z.infer<typeof liveBody>;
