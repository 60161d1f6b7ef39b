import type { z } from 'zod';
import { errorFrameSchema } from './errorFrame';
import { finalFrame } from './finalFrameSchema';
import { cancelMessage, listMessage, resumeMessage, statusMessage } from './clientMessages';
import { stdinMessage } from './stdin';
import type { SubmissionRules } from './submissionRules';
import { submitMessage } from './submitMessage';
import { schemaOf } from './jsonSchema';
import * as frames from './serverFrames';

/**
 * The AsyncAPI 3 document of the WebSocket, from the gateway's side: its operations receive what clients
 * send.
 */
export function asyncApi(rules: SubmissionRules): object {
  const received = {
    submit: submitMessage(rules),
    resume: resumeMessage,
    cancel: cancelMessage,
    stdin: stdinMessage,
    status: statusMessage,
    list: listMessage,
  };
  const progress = {
    accepted: frames.acceptedFrame,
    stage: frames.stageFrame,
    output: frames.outputFrame,
    case: frames.caseFrame,
    step: frames.stepFrame,
    test: frames.testFrame,
    rollout: frames.rolloutFrame,
    final: finalFrame,
  };
  const answers = {
    cancelled: frames.cancelFrame,
    inputTaken: frames.stdinFrame,
    submissionStatus: frames.statusFrame,
    submissionList: frames.listFrame,
    error: errorFrameSchema,
  };
  const replies: Record<keyof typeof received, string[]> = {
    submit: [...Object.keys(progress), 'error'],
    resume: [...Object.keys(progress), 'error'],
    cancel: ['cancelled', 'error'],
    stdin: ['inputTaken', 'error'],
    status: ['submissionStatus', 'error'],
    list: ['submissionList', 'error'],
  };
  const all = { ...received, ...progress, ...answers };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Orchestration App',
      version: '1',
      description:
        'Takes code over a WebSocket and tells every step. A connection carries many submissions; each frame names its own.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: {
      gateway: {
        host: '{host}',
        protocol: 'ws',
        variables: { host: { default: 'localhost:8000', description: 'Where the gateway listens.' } },
        security: [{ $ref: '#/components/securitySchemes/key' }],
      },
    },
    channels: {
      code: {
        address: '/ws/code',
        messages: mapped(all, (_, name) => ({ $ref: `#/components/messages/${name}` })),
        bindings: {
          ws: {
            method: 'GET',
            query: {
              type: 'object',
              properties: {
                progress: {
                  type: 'string',
                  enum: ['true', 'false'],
                  default: 'true',
                  description: '`false`: one frame a message.',
                },
              },
            },
          },
        },
      },
    },
    operations: mapped(received, (schema, name) => ({
      action: 'receive',
      channel: { $ref: '#/channels/code' },
      summary: schema.meta()?.description ?? name,
      messages: [inChannel(name)],
      reply: { channel: { $ref: '#/channels/code' }, messages: replies[name].map(inChannel) },
    })),
    components: {
      messages: mapped(all, (schema: z.ZodType, name) => ({ name, payload: schemaOf(schema) })),
      securitySchemes: { key: { type: 'httpApiKey', in: 'header', name: 'X-API-Key' } },
    },
  };
}

const inChannel = (name: string) => ({ $ref: `#/channels/code/messages/${name}` });

function mapped<Names extends string, Value, Result>(
  object: Record<Names, Value>,
  change: (value: Value, name: Names) => Result,
): Record<string, Result> {
  return Object.fromEntries(
    Object.entries<Value>(object).map(([name, value]) => [name, change(value, name as Names)]),
  );
}
