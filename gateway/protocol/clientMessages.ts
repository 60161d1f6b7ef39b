/** Messages that a client may send. The schemas here are the source of the types and of `/schema.json`. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { InputPiece } from '../../workflows/contract';
import { parseCursor, type Cursor } from './cursor';
import { errorFrame, type ErrorFrame } from './errorFrame';
import { faultyField, invalidMessage, messageFor } from './validationErrors';
import { filterFields, type SubmissionFilter } from './filter';
import { knownSubmissionId, submissionId } from './identifiers';
import { MOST_VALUES, type SubmissionRules } from './submissionRules';
import { PROTOTYPE, sizeOf, valuesIn } from './size';
import { pieceOf, stdinMessage } from './stdin';
import { FieldError, submissionOf, type SubmissionContent } from './toSubmission';
import { submitMessage, type SubmitMessage } from './submitMessage';
import { fields } from './schemaHelpers';

export const resumeMessage = fields({
  type: z.literal('resume'),
  submission_id: submissionId(),
  cursor: z
    .string()
    .refine((cursor) => parseCursor(cursor) !== null, 'must be the cursor of a frame')
    .optional()
    .describe('Of the last frame that the client received; from the beginning if left out.'),
}).meta({ title: 'Resume', description: 'Follows a submission again, after the given frame.' });

export const cancelMessage = fields({
  type: z.literal('cancel'),
  submission_id: submissionId(),
}).meta({ title: 'Cancel', description: 'Cancels a submission.' });

export const statusMessage = fields({
  type: z.literal('status'),
  submission_id: submissionId(),
}).meta({ title: 'Status', description: 'Asks where a submission stands.' });

export const listMessage = fields({ type: z.literal('list'), ...filterFields(z.int()) }).meta({
  title: 'List',
  description: 'Asks for submissions, those under way first, then the last to end first.',
});

/** A valid message. */
export type ClientMessage =
  | { type: 'submit'; submission: SubmissionContent & { submissionId: string } }
  | { type: 'resume'; submissionId: string; after: Cursor | null }
  | { type: 'cancel' | 'status'; submissionId: string }
  | { type: 'stdin'; submissionId: string; piece: InputPiece }
  | { type: 'list'; filter: SubmissionFilter };

export type Parsed = { message: ClientMessage; error?: never } | { message?: never; error: ErrorFrame };

/**
 * Parses a text frame. Never throws: for an invalid message, it returns the error frame to answer with.
 * @param submissionId id for a submit message, if it was sent outside of the message
 */
export type ParseMessage = (frame: string, submissionId?: string) => Parsed;

const TYPES = ['submit', 'resume', 'cancel', 'stdin', 'status', 'list'] as const;

export function messageParser(rules: SubmissionRules): ParseMessage {
  const submit = submitMessage(rules);
  return (frame, told) => {
    let json: unknown;
    try {
      json = JSON.parse(frame);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return { error: errorFrame('invalid_json', `the message is not JSON: ${cause}`) };
    }
    const { count, largest, prototype } = valuesIn(json);
    if (prototype) return { error: faultyField('invalid_message', [PROTOTYPE], 'cannot be a name', {}) };
    if (count > MOST_VALUES) {
      const words = `the message has ${count} values, most of them in ${largest}, and the limit is ${MOST_VALUES}: send fewer`;
      const details = { field: largest, limit: MOST_VALUES, submission_id: knownSubmissionId(json) };
      return { error: errorFrame('invalid_message', words, details) };
    }
    const type = typeOf(json);
    switch (type) {
      case 'submit':
        return parsed(submit, json, (message) => submission(message, rules, told));
      case 'resume':
        return parsed(resumeMessage, json, ({ submission_id, cursor }) => {
          const after = cursor === undefined ? null : parseCursor(cursor);
          return { message: { type, submissionId: submission_id, after } };
        });
      case 'cancel':
        return parsed(cancelMessage, json, ({ submission_id }) => {
          return { message: { type, submissionId: submission_id } };
        });
      case 'stdin':
        return parsed(stdinMessage, json, ({ submission_id, ...input }) => {
          return { message: { type, submissionId: submission_id, piece: pieceOf(input) } };
        });
      case 'status':
        return parsed(statusMessage, json, ({ submission_id }) => {
          return { message: { type, submissionId: submission_id } };
        });
      case 'list':
        return parsed(listMessage, json, ({ type, ...filter }) => {
          return { message: { type, filter } };
        });
      case undefined: {
        const words = `must be one of ${TYPES.join(', ')}; a message without it submits`;
        const submission_id = knownSubmissionId(json);
        return { error: faultyField('invalid_message', ['type'], words, { submission_id }) };
      }
    }
  };
}

function parsed<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  then: (message: z.output<Schema>) => Parsed,
): Parsed {
  const result = schema.safeParse(json, { error: messageFor });
  return result.success
    ? then(result.data)
    : { error: invalidMessage(result.error.issues, knownSubmissionId(json)) };
}

function submission(message: SubmitMessage, rules: SubmissionRules, told: string | undefined): Parsed {
  const { submission_id = told } = message;
  if (told !== undefined && submission_id !== told) {
    const words = `must be the Idempotency-Key, ${told}, when both are sent`;
    return { error: faultyField('invalid_message', ['submission_id'], words, { submission_id }) };
  }
  const { bytes, largest } = sizeOf(message);
  const limit = rules.maxCodeBytes;
  if (bytes > limit) {
    const words = `has ${largest.bytes} of ${bytes} bytes of text, and the limit for all of it is ${limit}`;
    return { error: faultyField('code_too_large', largest.field, words, { limit, submission_id }) };
  }
  try {
    const submissionId = submission_id ?? randomUUID();
    return { message: { type: 'submit', submission: { submissionId, ...submissionOf(message, rules) } } };
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    const { field, message: words, limit } = error;
    return { error: faultyField('invalid_message', field, words, { limit, submission_id }) };
  }
}

/** The type of a message; undefined if it is unknown. A message without a type submits. */
function typeOf(json: unknown): (typeof TYPES)[number] | undefined {
  if (typeof json !== 'object' || json === null || !('type' in json)) return 'submit';
  return TYPES.find((type) => type === json.type);
}
