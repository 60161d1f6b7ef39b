import { isUtf8 } from 'node:buffer';
import { createTwoFilesPatch } from 'diff';
import type { CapturedOutput, RunReport, TestCase } from './ports';
import type { TestOutcome, TestResult } from './testReport';

/** The run of a test case, and its result. */
export interface CaseRun {
  report: RunReport;
  result: TestResult;
}

/** The longest diff in a result, in characters. The full output is in the pod's log. */
const MAX_DIFF_CHARACTERS = 2_000;

/**
 * The most lines that a diff may add and remove. Computing a diff takes their number times the length of the
 * texts, so this limit keeps it linear. A longer diff would not fit into a result.
 */
const MAX_EDIT_LENGTH = 100;

const NOT_UTF8 = 'The output is not UTF-8: bytes that are not are shown as \\x and their number.';

const ESCAPES = Array.from({ length: 256 }, (_, byte) => `\\x${byte.toString(16).padStart(2, '0')}`);

/**
 * If texts differ in more lines, an excerpt is shown: this many lines from the first difference on, and this
 * many characters of each.
 */
const EXCERPT_LINES = 5;
const EXCERPT_CHARACTERS = 150;

/**
 * The combined result of all test cases: that of the first one that did not pass, otherwise of the last one.
 */
export function verdictOfCases(runs: CaseRun[]): {
  outcome: TestOutcome;
  tests: TestResult[];
  /** The execution that decided. */
  deciding: RunReport;
} {
  const deciding = runs.find(({ result }) => result.outcome !== 'passed') ?? runs.at(-1);
  if (deciding === undefined) throw new Error('There must be a case.');
  const { report, result } = deciding;
  return { outcome: result.outcome as TestOutcome, tests: runs.map((run) => run.result), deciding: report };
}

/**
 * Compares a test case's output with the expected output. This happens outside the pod, which never receives
 * the expected output, so no program can find and print it.
 */
export function resultOfCase(testCase: TestCase, report: RunReport): TestResult {
  const { name } = testCase;
  const durationMs = report.wallMs;
  if (report.outcome !== 'passed')
    return { name, outcome: report.outcome, durationMs, message: report.error?.message ?? null };
  const { truncated, base64 } = report.stdout;
  const [expected, actual] = [normalized(testCase.expectedStdout), normalized(printable(report.stdout))];
  if (!truncated && base64 === undefined && actual === expected)
    return { name, outcome: 'passed', durationMs, message: null };
  const note = base64 === undefined ? '' : `${NOT_UTF8}\n`;
  return { name, outcome: 'wrong_output', durationMs, message: note + difference(expected, actual) };
}

/**
 * The text with invalid UTF-8 bytes escaped as `\xff`. The usual replacement character could also occur in an
 * expected output.
 */
function printable({ text, base64, gap }: CapturedOutput): string {
  if (base64 === undefined) return text;
  const [head, tail] = [base64.head, base64.tail].map((part) => withEscapes(Buffer.from(part, 'base64')));
  return head + (gap ? text.slice(gap.end, gap.start) : '') + tail;
}

function withEscapes(bytes: Buffer): string {
  const pieces: string[] = [];
  let valid = 0;
  for (let at = 0; at < bytes.length;) {
    const length = lengthOfCharacter(bytes, at);
    if (length === 0) {
      pieces.push(bytes.toString('utf8', valid, at), ESCAPES[bytes[at] ?? 0] ?? '');
      valid = at + 1;
    }
    at += length || 1;
  }
  return pieces.join('') + bytes.toString('utf8', valid);
}

/** The length in bytes of the UTF-8 character that begins at `at`; 0 if none does. */
function lengthOfCharacter(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let next = at + 1; next < at + length; next++) if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 0;
  // The remaining rules of UTF-8 concern only a few first bytes.
  return length === 2 || isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/**
 * Removes blanks at line ends and empty lines at the end, as in programming contests. A match can begin only
 * at the first blank of a sequence: if it could begin at every blank, a long sequence would take quadratic
 * time.
 */
function normalized(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/(?<![ \t])[ \t]+$/gm, '')
    .replace(/(?<!\n)\n+$/, '');
}

function difference(expected: string, actual: string): string {
  const patch = createTwoFilesPatch('expected', 'actual', `${expected}\n`, `${actual}\n`, '', '', {
    context: 2,
    maxEditLength: MAX_EDIT_LENGTH,
  });
  // The first line of a patch is a separator.
  const text = patch?.split('\n').slice(1).join('\n') ?? firstDifference(expected, actual);
  return text.length <= MAX_DIFF_CHARACTERS ? text : `${text.slice(0, MAX_DIFF_CHARACTERS)}\n[...]`;
}

/** For texts that differ too much for a diff. */
function firstDifference(expected: string, actual: string): string {
  const [expectedLines, actualLines] = [expected.split('\n'), actual.split('\n')];
  const index = expectedLines.findIndex((line, at) => line !== actualLines[at]);
  const start = index === -1 ? expectedLines.length : index;
  const excerpt = (lines: string[], sign: string) =>
    lines.slice(start, start + EXCERPT_LINES).map((line) => sign + line.slice(0, EXCERPT_CHARACTERS));
  return [
    `The output differs in more than ${MAX_EDIT_LENGTH} lines, from line ${start + 1} on:`,
    ...excerpt(expectedLines, '-'),
    ...excerpt(actualLines, '+'),
  ].join('\n');
}
