import * as fc from 'fast-check';
import { resultOfCase } from '../activities/cases';
import { readFrameworkReport } from '../activities/frameworkReport';
import { readInstalled } from '../activities/installed';
import type { RunReport } from '../activities/ports';
import { parseCursor } from '../gateway/protocol/cursor';
import { parseLogCursor } from '../gateway/http/logCursor';
import { fieldName } from '../gateway/protocol/validationErrors';
import { AnsiReader } from '../gateway/web/src/ansi';
import { parseLogLine } from '../infrastructure/kubernetes/testPod/logLines';
import { readProgramError } from '../infrastructure/kubernetes/testPod/programError';
import { loadLanguages } from '../sandbox/languages/languages';
import { pass } from './scripted/ports';

/**
 * Everything that gateway and worker do with a user's text on a shared thread takes time proportional to its
 * length. A regular expression that is not linear would take minutes for texts of this length.
 */

const BYTES = 256 * 1024;
/** Maximum processor time for one text; a linear function takes a tenth of it on a slow machine. */
const MOST_MS = 1_500;
const RUNS = 25;

const captured = (text: string) => ({ text, bytes: text.length, truncated: false });
const report = (changes: Partial<RunReport>): RunReport => ({ ...pass, ...changes });
const testCase = { name: 'case', stdin: '', args: [] };

/** The functions under test, with one or two texts. */
const functions: Record<string, (text: string, other: string) => unknown> = {
  'compares a case': (text, other) =>
    resultOfCase({ ...testCase, expectedStdout: other }, report({ stdout: captured(text) })),
  'compares a case with what is nearly the same': (text) =>
    resultOfCase({ ...testCase, expectedStdout: `${text}x` }, report({ stdout: captured(text) })),
  'compares a case with nothing': (text) =>
    resultOfCase({ ...testCase, expectedStdout: '' }, report({ stdout: captured(text) })),
  'reads the report of a framework': (text) => readFrameworkReport(report({ report: text })),
  'reads what was installed': readInstalled,
  'reads a line of a log': (text) => parseLogLine(text.replaceAll('\n', ' ')),
  'reads a line of a log that begins well': (text) =>
    ['[2026 out 0\\] ', '[2026] start ', '[2026] case 1 of 1 passed in 1 ms key=k name="'].map((begin) =>
      parseLogLine(begin + text),
    ),
  'takes colours out of text': (text) => new AnsiReader().read(text),
  'reads a cursor': (text) => [parseCursor(text), parseLogCursor(text)],
  'names a field': (text) => fieldName([text, 1, text]),
  ...Object.fromEntries(
    [...loadLanguages()].map(([name, { errors }]) => [
      `reads an error of ${name}`,
      (text: string) => readProgramError(errors, text),
    ]),
  ),
};

/** Pieces with which texts that the patterns of this project match start, continue, or almost end. */
const pieces = fc.oneof(
  fc.constantFrom(
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\r',
    'x',
    '0',
    '.',
    '/',
    '"',
    '\\',
    '\\x',
    '(',
    '[',
    ']',
    '\u2028',
  ),
  fc.constantFrom(
    'a ',
    'a\n',
    ' \n',
    '\n\n x',
    '\x1b',
    '\x1b[',
    '\x1b[1;',
    '\x1b]',
    '\x1bP',
    '\x1b[31m',
    '0;',
    'ü',
  ),
  fc.constantFrom(
    'Error',
    'Error ',
    'Traceback (most recent call last):\n',
    '  File "/work/1/',
    '", line ',
    ': ',
  ),
  fc.constantFrom(
    '/work/1/',
    ' (/work/1/a:',
    'file://',
    'Uncaught ',
    '[1] start ',
    ' execution=',
    ' key=',
    'name="',
  ),
  fc.constantFrom(
    '{"name":',
    '{\n',
    '{x}\n',
    '{"begin":"a"}\n',
    '[',
    '{"name":"a","outcome":"passed","duration_ms":1,"message":null}\n',
    '1.',
    '@',
    '+',
  ),
  fc.string({ minLength: 1, maxLength: 4, unit: 'binary' }),
);
const ends = fc.constantFrom('', 'x', '\n', ' x', '\0');

/** A short start and end around a repeated part, so that a failure prints these instead of the whole text. */
interface Recipe {
  begin: string;
  repeat: string;
  end: string;
}

const recipes: fc.Arbitrary<Recipe> = fc.oneof(
  fc.record({
    begin: pieces,
    repeat: fc.tuple(pieces, pieces).map(([one, other]) => one + other),
    end: ends,
  }),
  fc.record({ begin: fc.constant(''), repeat: pieces, end: fc.constant('') }),
);

const made = ({ begin, repeat, end }: Recipe, bytes: number) =>
  begin + repeat.repeat(bytes / repeat.length) + end;

test.each(Object.entries(functions))('%s in time in proportion to its length', (_name, work) => {
  const msFor = (one: Recipe, other: Recipe, bytes: number) => {
    const [text, another] = [made(one, bytes), made(other, bytes)];
    const before = process.cpuUsage();
    work(text, another);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  fc.assert(
    fc.property(recipes, recipes, (one, other) => {
      const ms = msFor(one, other, BYTES);
      if (ms > MOST_MS) throw new Error(`${ms} ms, and ${msFor(one, other, BYTES / 8)} ms for an eighth`);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});
