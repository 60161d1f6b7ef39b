/** Messages that a client may send. The schemas here are the source of the types and of `/schema.json`. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { InputPiece } from '../../workflows/contract';
import { parseCursor, type Cursor } from './cursor';
import type { ErrorFrame } from './errorFrame';
import { faultyField, invalidMessage, messageFor } from './validationErrors';
import { filterFields, type SubmissionFilter } from './filter';
import { knownSubmissionId, submissionReference } from './identifiers';
import { parseJson } from './json';
import { sizeOf } from './size';
import type { SubmissionRules } from './submissionRules';
import { pieceOf, stdinMessage } from './stdin';
import { FieldError, submissionOf, type SubmissionContent } from './toSubmission';
import { submitMessage, type SubmitMessage } from './submitMessage';
import { fields } from './schemaHelpers';

export const resumeMessage = fields({
  type: z.literal('resume'),
  submission_id: submissionReference(),
  cursor: z
    .string()
    .refine((cursor) => parseCursor(cursor) !== null, 'must be the cursor of a frame')
    .optional()
    .describe('Of the last frame that the client received; from the beginning if left out.'),
}).meta({ title: 'Resume', description: 'Follows a submission again, after the given frame.' });

export const cancelMessage = fields({
  type: z.literal('cancel'),
  submission_id: submissionReference(),
}).meta({ title: 'Cancel', description: 'Cancels a submission.' });

export const statusMessage = fields({
  type: z.literal('status'),
  submission_id: submissionReference(),
}).meta({ title: 'Status', description: 'Asks where a submission stands.' });

export const listMessage = fields({ type: z.literal('list'), ...filterFields(z.int()) }).meta({
  title: 'List',
  description: 'Asks for submissions, those under way first, then the last to end first.',
});

/** A valid message. */
export type ClientMessage =
  | { type: 'submit'; submission: IdentifiedSubmission }
  | { type: 'resume'; submissionId: string; after: Cursor | null }
  | { type: 'cancel' | 'status'; submissionId: string }
  | { type: 'stdin'; submissionId: string; piece: InputPiece }
  | { type: 'list'; filter: SubmissionFilter };

export type Parsed = { message: ClientMessage; error?: never } | { message?: never; error: ErrorFrame };

/** Parses a text frame. Never throws: for an invalid message, it returns the error frame to answer with. */
export type ParseMessage = (frame: string) => Parsed;

const TYPES = ['submit', 'resume', 'cancel', 'stdin', 'status', 'list'] as const;

export function messageParser(rules: SubmissionRules): ParseMessage {
  const submit = submitMessage(rules);
  return (frame) => {
    const { json, error } = parseJson(frame);
    if (error) return { error };
    const type = typeOf(json);
    switch (type) {
      case 'submit':
        return parsed(submit, json, (message) => {
          const { submission, error } = checkSubmission(message, rules);
          return error ? { error } : { message: { type, submission } };
        });
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

/** A submission with all that its message leaves out. */
export type IdentifiedSubmission = SubmissionContent & { submissionId: string };

/**
 * Checks what the schema of a submit message cannot say.
 * @param requestedId id of the submission, if it was sent outside of the message
 */
export function checkSubmission(
  message: SubmitMessage,
  rules: SubmissionRules,
  requestedId?: string,
): { submission: IdentifiedSubmission; error?: never } | { submission?: never; error: ErrorFrame } {
  const { submission_id = requestedId } = message;
  if (requestedId !== undefined && submission_id !== requestedId) {
    const words = `must be the Idempotency-Key, ${requestedId}, when both are sent`;
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
    return { submission: { submissionId, ...submissionOf(message, rules) } };
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
