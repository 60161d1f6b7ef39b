import { z } from 'zod';
import { cancelMessage, listMessage, resumeMessage, statusMessage } from './clientMessages';
import { stdinMessage } from './stdin';
import type { SubmissionRules } from './submissionRules';
import { submitMessage } from './submitMessage';
import { serverFrame } from './serverFrames';

/**
 * JSON Schema (2020-12) of what clients send; `$defs.server_frame` is what they receive. Served at
 * /schema.json.
 */
export function protocolSchema(rules: SubmissionRules): object {
  const messages = [
    ...[submitMessage(rules), resumeMessage, cancelMessage],
    ...[stdinMessage, statusMessage, listMessage],
  ];
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Messages of /ws/code',
    $ref: '#/$defs/client_message',
    $defs: {
      client_message: schemaOf(z.union(messages)),
      server_frame: schemaOf(serverFrame),
    },
  };
}

/** The JSON Schema of an input, before defaults are applied. */
export function schemaOf(type: z.ZodType): Record<string, unknown> {
  const { $schema: _draft, ...schema } = z.toJSONSchema(type, { io: 'input' });
  return schema;
}
