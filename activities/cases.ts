import { createTwoFilesPatch } from 'diff';
import type { RunReport, TestCase } from './ports';
import type { TestOutcome, TestResult } from './testReport';

/** A case and what came of it. */
export interface CaseRun {
  expected: TestCase;
  report: RunReport;
}

/** The diff of a test that goes into its result, in characters; the full output is in the pod's log. */
const MAX_DIFF_CHARACTERS = 2_000;

/** Between two looks of the diff at its time, it may take this long, in milliseconds. */
const DIFF_DEADLINE_MS = 200;

/**
 * Compares what each case printed with what was expected of it. This happens here, outside the pod: the
 * expectation never goes there, so no program can print it by looking for it.
 */
export function verdictOfCases(runs: CaseRun[]): {
  outcome: TestOutcome;
  tests: TestResult[];
  /** The first execution that did not pass, or the last one. */
  deciding: RunReport;
} {
  const tests = runs.map(resultOfCase);
  const failed = tests.findIndex((test) => test.outcome !== 'passed');
  const deciding = runs[failed === -1 ? runs.length - 1 : failed];
  if (deciding === undefined) throw new Error('There must be a case.');
  return { outcome: (tests[failed]?.outcome ?? 'passed') as TestOutcome, tests, deciding: deciding.report };
}

export function resultOfCase({ expected, report }: CaseRun): TestResult {
  const { name, expectedStdout } = expected;
  const durationMs = report.wallMs;
  if (report.outcome !== 'passed')
    return { name, outcome: report.outcome, durationMs, message: report.error?.message ?? null };
  const { text, truncated, base64 } = report.stdout;
  // Bytes that are not UTF-8 are shown by a replacement character, which an expectation may hold as well.
  if (!truncated && base64 === undefined && normal(text) === normal(expectedStdout))
    return { name, outcome: 'passed', durationMs, message: null };
  return { name, outcome: 'wrong_output', durationMs, message: difference(expectedStdout, text) };
}

/** Blanks at the ends of lines and empty lines at the end do not count, as in programming contests. */
function normal(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n+$/, '');
}

function difference(expected: string, actual: string): string {
  const patch = createTwoFilesPatch(
    'expected',
    'actual',
    normal(expected) + '\n',
    normal(actual) + '\n',
    '',
    '',
    {
      context: 2,
      timeout: DIFF_DEADLINE_MS,
    },
  );
  // The first two lines are a ruler and nothing that a reader needs; without a patch, it took too long.
  const text = patch?.split('\n').slice(1).join('\n') ?? `expected:\n${expected}\nactual:\n${actual}`;
  return text.length <= MAX_DIFF_CHARACTERS ? text : `${text.slice(0, MAX_DIFF_CHARACTERS)}\n[...]`;
}
