/** Error messages for invalid messages. Each error names its field. */
import type { z } from 'zod';
import { errorFrame, type ErrorCode, type ErrorFrame } from './errorFrame';

const MAX_NAME_CHARACTERS = 64;
const MAX_FAULTS = 5;

const KINDS: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** The path of a field, such as `tests.cases[2].stdin` or `files["lib/x.py"]`. */
export function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = String(part).slice(0, MAX_NAME_CHARACTERS);
      if (!/^[A-Za-z_]\w*$/.test(name)) return index === 0 ? name : `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}

/** The message for an issue that has none. It follows the field's name. */
export function messageFor(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'too_big') return `must ${amount(issue.origin, 'most', issue.maximum)}`;
  if (issue.code === 'too_small') return `must ${amount(issue.origin, 'least', issue.minimum)}`;
  if (issue.code !== 'invalid_type') return undefined;
  return issue.input === undefined ? 'is missing' : `must be ${KINDS[issue.expected] ?? issue.expected}`;
}

function amount(origin: string, which: 'most' | 'least', limit: number | bigint): string {
  const unit = { string: ' characters', array: ' entries' }[origin];
  return unit === undefined ? `be at ${which} ${limit}` : `have at ${which} ${limit}${unit}`;
}

/** Builds the error frame for a list of issues. Its `field` and `limit` are those of the first one. */
export function invalidMessage(
  issues: readonly z.core.$ZodIssue[],
  submission_id: string | undefined,
): ErrorFrame {
  const faults = issues.slice(0, MAX_FAULTS).map((issue) => {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
    const field = fieldName([...issue.path, ...unknown]);
    const words = field === '' ? `the message ${issue.message}` : `${field} ${issue.message}`;
    return { field: field || undefined, words, limit: limitOf(issue) };
  });
  const [first] = faults;
  return errorFrame('invalid_message', faults.map(({ words }) => words).join('; '), {
    ...(first?.field !== undefined && { field: first.field }),
    ...(first?.limit !== undefined && { limit: first.limit }),
    submission_id,
  });
}

/** Builds the error frame for one field. */
export function faultyField(
  code: ErrorCode,
  path: readonly PropertyKey[],
  words: string,
  details: { limit?: number | undefined; submission_id?: string | undefined },
): ErrorFrame {
  const field = fieldName(path);
  return errorFrame(code, `${field} ${words}`, { field, ...details });
}

function limitOf(issue: z.core.$ZodIssue): number | undefined {
  if (issue.code === 'too_big') return Number(issue.maximum);
  if (issue.code === 'too_small') return Number(issue.minimum);
  if (issue.code === 'custom') return issue.params?.limit as number | undefined;
  return undefined;
}
