import { z } from 'zod';
import { cancelMessage, resumeMessage } from './messages/message';
import type { SubmissionRules } from './messages/rules';
import { submitMessage } from './messages/submit';
import { serverFrame } from './serverFrames';

/** JSON Schema (2020-12) of what clients send; `$defs.server_frame` is what they get. Served at /schema.json. */
export function protocolSchema(rules: SubmissionRules): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Messages of /ws/code',
    $ref: '#/$defs/client_message',
    $defs: {
      client_message: definition(z.union([submitMessage(rules), resumeMessage, cancelMessage])),
      server_frame: definition(serverFrame),
    },
  };
}

function definition(type: z.ZodType): object {
  const { $schema: _draft, ...schema } = z.toJSONSchema(type);
  return schema;
}
