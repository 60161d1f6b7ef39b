/** What a client may send. The schema here is the source of the types and of `/schema.json`. */
import { z } from 'zod';
import { errorFrame, type ErrorFrame } from './serverFrames';

/** A DNS label short enough that `user-<user_id>` and the names of pods stay valid: 1 to 40 characters. */
const USER_ID = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;
const SUBMISSION_ID = /^[A-Za-z0-9_-]{1,64}$/;

const FIELDS = ['user_id', 'code', 'submission_id'] as const;

export const clientMessage = z
  .strictObject({
    user_id: text('user_id')
      .regex(
        USER_ID,
        'user_id must be a DNS label of 1 to 40 characters: lower-case letters, digits and hyphens, ' +
          'beginning and ending with a letter or a digit',
      )
      .describe('Whose submission it is; it runs in the namespace user-<user_id>.'),
    code: text('code')
      .refine(
        (code) => !/\p{Surrogate}/u.test(code),
        'code must be valid Unicode: it holds half of a surrogate pair',
      )
      .describe('A Python program. How long it may be, in bytes of UTF-8, is MAX_CODE_BYTES of the gateway.'),
    submission_id: text('submission_id')
      .regex(SUBMISSION_ID, 'submission_id must have 1 to 64 characters out of A-Z, a-z, 0-9, "_" and "-"')
      .optional()
      .describe('Names the submission; sending it again joins the first. Made by the gateway when left out.'),
  })
  .meta({ title: 'Client message', description: 'Submits code: it is tested, and deployed if it passes.' });

export type ClientMessage = z.infer<typeof clientMessage>;

export type Parsed = { message: ClientMessage; error?: never } | { message?: never; error: ErrorFrame };

/** Reads a text frame. Never throws: what is wrong with it comes back as the error frame to answer with. */
export function parseMessage(frame: string, maxCodeBytes: number): Parsed {
  let json: unknown;
  try {
    json = JSON.parse(frame);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { error: errorFrame('invalid_json', `the message is not JSON: ${cause}`) };
  }
  const result = clientMessage.safeParse(json);
  const submissionId = knownSubmissionId(json);
  if (!result.success) return { error: invalid(result.error, submissionId) };

  const bytes = Buffer.byteLength(result.data.code);
  if (bytes > maxCodeBytes)
    return {
      error: errorFrame('code_too_large', `code has ${bytes} bytes, and the limit is ${maxCodeBytes}`, {
        field: 'code',
        limit: maxCodeBytes,
        submission_id: submissionId,
      }),
    };
  return { message: result.data };
}

function invalid(error: z.ZodError, submissionId: string | undefined): ErrorFrame {
  const faults = error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const field = (issue.keys[0] ?? '').slice(0, 64);
      return {
        field,
        message: `unknown field ${JSON.stringify(field)}: the fields are ${FIELDS.join(', ')}`,
      };
    }
    const [field] = issue.path;
    if (field === undefined)
      return {
        field: undefined,
        message: `the message must be a JSON object with the fields user_id and code`,
      };
    return { field: String(field), message: issue.message };
  });
  return errorFrame('invalid_message', faults.map((fault) => fault.message).join('; '), {
    field: faults[0]?.field,
    submission_id: submissionId,
  });
}

/** The submission that a faulty message is about, if it says so in a usable way. */
function knownSubmissionId(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null || !('submission_id' in json)) return undefined;
  const id = json.submission_id;
  return typeof id === 'string' && SUBMISSION_ID.test(id) ? id : undefined;
}

function text(field: string) {
  return z.string({
    error: ({ input }) => (input === undefined ? `${field} is missing` : `${field} must be a string`),
  });
}
