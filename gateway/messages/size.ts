import { fieldName } from './faults';
import type { SubmitMessage } from './submit';

type Field = (string | number)[];

/** How much text a submission has, in bytes of UTF-8, and the field that holds the most of it. */
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

/** How many values an object has, those in others too, and which of its fields holds the most of them. */
export function valuesIn(json: unknown): { count: number; largest: string } {
  let count = 0;
  let largest = { field: '', values: 0 };
  // A list is refused without a look at what is in it.
  for (const [name, value] of Array.isArray(json) ? [] : membersOf(json)) {
    const values = sizeOfTree(value);
    count += values;
    if (values > largest.values) largest = { field: fieldName([name]), values };
  }
  return { count, largest: largest.field };
}

/** Without recursion: how deep a message goes is up to its client. */
function sizeOfTree(root: unknown): number {
  let count = 0;
  const left = [root];
  while (left.length > 0) {
    count += 1;
    for (const [, value] of membersOf(left.pop())) left.push(value);
  }
  return count;
}

function membersOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

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
