import { z } from 'zod';
import { INPUT_LIMITS, type InputPiece } from '../../workflows/contract';
import { submissionReference } from './identifiers';
import { bytesOf, fields, text } from './schemaHelpers';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Fields of a message that sends more input to a program. */
const inputFields = {
  data: text().default('').describe('Text, or bytes in the given `encoding`.'),
  encoding: z.literal('base64').optional(),
  offset: z
    .int()
    .min(0)
    .max(INPUT_LIMITS.bytes)
    .optional()
    .describe(
      'Where this piece begins, in bytes of all input sent this way. A repeat is not written again; without an offset, ' +
        'the piece is appended and must not be repeated.',
    ),
  eof: z.boolean().default(false).describe('Whether the input ends here.'),
};

export const stdinMessage = fields({
  type: z.literal('stdin'),
  submission_id: submissionReference(),
  ...inputFields,
})
  .superRefine(checkInput)
  .meta({ title: 'Stdin', description: 'Gives a running submission that is interactive more input.' });

/** The same as the body of an HTTP call, whose path names the submission. */
export const stdinBody = fields({ type: z.literal('stdin').optional(), ...inputFields })
  .superRefine(checkInput)
  .meta({ title: 'Stdin', description: 'More input for a program that runs.' });

interface Input {
  data: string;
  encoding?: 'base64' | undefined;
  offset?: number | undefined;
  eof: boolean;
}

export function pieceOf({ data, encoding, offset, eof }: Input): InputPiece {
  const bytes = Buffer.from(data, encoding ?? 'utf8');
  return { offset: offset ?? null, data: bytes.toString('base64'), bytes: bytes.length, eof };
}

function checkInput({ data, encoding, eof }: Input, context: z.RefinementCtx): void {
  const say = (message: string, path: string, limit?: number) =>
    context.addIssue({ code: 'custom', message, path: [path], params: { limit } });
  if (data === '' && !eof) return say('is missing: only an end of the input has none', 'data');
  if (encoding && !BASE64.test(data)) return say('must be base64, as encoding says', 'data');
  const bytes = encoding ? Buffer.byteLength(data, 'base64') : bytesOf([data]);
  const most = INPUT_LIMITS.pieceBytes;
  if (bytes > most) say(`has ${bytes} bytes, and the limit is ${most}`, 'data', most);
}
