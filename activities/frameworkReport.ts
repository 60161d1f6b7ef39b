import { z } from 'zod';
import type { RunReport } from './ports';
import type { TestOutcome, TestResult } from './testReport';

/** What a framework's plug-in (infrastructure/languages) writes, a JSON object a line. */
const line = z.object({
  name: z.string(),
  outcome: z.enum(['passed', 'failed', 'error', 'skipped']),
  duration_ms: z.number().nonnegative(),
  message: z.string().nullable(),
});

/** Tests listed by name; of more, only the first are. */
const MAX_LISTED = 200;
const MAX_NAME_CHARACTERS = 200;
const MAX_MESSAGE_CHARACTERS = 2_000;

/** Exit code of pytest, and of our unittest runner, when there was nothing to run. */
const NOTHING_TO_RUN = 5;

/**
 * Reads what a test framework found. The framework shares its process with the code under test, which can
 * therefore forge this report: cases, which are compared from outside, are the form that it cannot.
 */
export function readFrameworkReport(run: RunReport): { outcome: TestOutcome; tests: TestResult[] } {
  const tests = run.report.split('\n').flatMap(readLine);
  return { outcome: outcomeOf(run, tests), tests: tests.slice(0, MAX_LISTED) };
}

function outcomeOf(run: RunReport, tests: TestResult[]): TestOutcome {
  if (run.outcome === 'failed') return run.exitCode === NOTHING_TO_RUN ? 'no_tests' : 'tests_failed';
  if (run.outcome !== 'passed') return run.outcome;
  if (tests.some(({ outcome }) => outcome === 'failed' || outcome === 'error')) return 'tests_failed';
  // An exit with 0 before any test was over proves nothing.
  return tests.some(({ outcome }) => outcome === 'passed') ? 'passed' : 'no_tests';
}

/** A line that is no report, or was cut off, is left out: nothing is decided by it alone. */
function readLine(text: string): TestResult[] {
  const { success, data } = line.safeParse(parse(text));
  if (!success) return [];
  const { name, outcome, duration_ms: durationMs, message } = data;
  return [
    {
      name: name.slice(0, MAX_NAME_CHARACTERS),
      outcome,
      durationMs,
      message: message && message.slice(0, MAX_MESSAGE_CHARACTERS),
    },
  ];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
