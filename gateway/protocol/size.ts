import { fieldName } from './validationErrors';
import type { SubmitMessage } from './submitMessage';

type Field = (string | number)[];

/** Size of all text in a submission, in bytes of UTF-8, and the field that contains the most of it. */
export function sizeOf(message: SubmitMessage): { bytes: number; largest: { field: Field; bytes: number } } {
  let largest: { field: Field; bytes: number } = { field: ['code'], bytes: -1 };
  let sum = 0;
  for (const [field, text] of textsOf(message)) {
    const bytes = Buffer.byteLength(text);
    sum += bytes;
    if (bytes > largest.bytes) largest = { field, bytes };
  }
  return { bytes: sum, largest };
}

/** A name that objects cannot store like other names: its value would be lost silently. */
export const PROTOTYPE = '__proto__';

/**
 * Counts the values in an object, including nested ones, and finds the field that contains the most of them.
 */
export function valuesIn(json: unknown): { count: number; largest: string; prototype: boolean } {
  let count = 0;
  let largest = { field: '', values: 0 };
  let prototype = false;
  // A list is rejected without checking its content.
  const members = isTree(json) && !Array.isArray(json) ? Object.entries(json) : [];
  for (const [name, value] of members) {
    const tree = treeOf(value);
    count += tree.values;
    prototype ||= name === PROTOTYPE || tree.prototype;
    if (tree.values > largest.values) largest = { field: fieldName([name]), values: tree.values };
  }
  return { count, largest: largest.field, prototype };
}

/** Not recursive, because a client decides how deep a message is nested. */
function treeOf(root: unknown): { values: number; prototype: boolean } {
  let values = 0;
  let prototype = false;
  const left = [root];
  while (left.length > 0) {
    const value = left.pop();
    values += 1;
    if (!isTree(value)) continue;
    prototype ||= Object.hasOwn(value, PROTOTYPE);
    for (const member of Object.values(value)) left.push(member);
  }
  return { values, prototype };
}

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null;

function* textsOf({ code, files, stdin, tests }: SubmitMessage): Generator<[Field, string]> {
  if (code !== undefined) yield [['code'], code];
  yield* filesOf(['files'], files);
  if (stdin !== undefined) yield [['stdin'], stdin];
  yield* filesOf(['tests', 'files'], tests?.files);
  for (const [index, { stdin: given, args = [], expected_stdout: expected }] of tests?.cases?.entries() ??
    []) {
    const field = ['tests', 'cases', index];
    if (given !== undefined) yield [[...field, 'stdin'], given];
    for (const [position, arg] of args.entries()) yield [[...field, 'args', position], arg];
    yield [[...field, 'expected_stdout'], expected];
  }
}

function* filesOf(field: Field, files: Record<string, string> = {}): Generator<[Field, string]> {
  for (const [name, text] of Object.entries(files)) yield [[...field, name], text];
}
