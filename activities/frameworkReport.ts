import { z } from 'zod';
import type { RunReport } from './ports';
import type { TestCounts, TestOutcome, TestReport, TestResult } from './testReport';

const test = z.object({
  name: z.string(),
  outcome: z.enum(['passed', 'failed', 'error', 'skipped']),
  duration_ms: z.number().nonnegative(),
  message: z.string().nullable(),
});

const count = z.int().nonnegative();

/** The schema of a line written by a framework's runner (sandbox/languages): one JSON object per line. */
const line = z.object({
  begin: z.string().optional(),
  test: test.optional(),
  counts: z.object({ found: count, passed: count, failed: count, skipped: count }).optional(),
  ended_early: z.string().optional(),
  exit_code: z.int().nullable().optional(),
  end: z.literal(true).optional(),
  failures: z.array(test).optional(),
});

/** The most tests that are listed by name. Those that did not pass are listed first. */
const MAX_LISTED = 200;
const MAX_NAME_CHARACTERS = 200;
const MAX_MESSAGE_CHARACTERS = 2_000;

/** After this many invalid lines, reading stops: no runner wrote them, and parsing them takes time. */
const MAX_INVALID_LINES = 1_000;

/** Exit code of pytest, and of our other runners, if there was nothing to run. */
const NOTHING_TO_RUN = 5;

/** The result of a framework's tests. */
export interface FrameworkVerdict extends Pick<TestReport, 'counts' | 'lastBegun'> {
  outcome: TestOutcome;
  tests: TestResult[];
}

/**
 * Reads the report of a test framework. An exit code alone is never a pass: the framework's runner must have
 * reported its end and every test that it found. The code under test runs in the framework's process, so it
 * can forge this report. It cannot forge the results of test cases, which are compared outside the pod.
 */
export function readFrameworkReport(run: RunReport): FrameworkVerdict {
  const read = readLines(run);
  const { counts, tests, ended, endedEarly, lastBegun } = read;
  return {
    outcome: outcomeOf(run, read),
    counts,
    tests: failuresFirst(tests).slice(0, MAX_LISTED).map(bounded),
    ...((!ended || endedEarly) && { lastBegun: lastBegun && truncate(lastBegun, MAX_NAME_CHARACTERS) }),
  };
}

interface Read {
  counts: TestCounts;
  tests: TestResult[];
  /** Whether the runner reported that it finished. */
  ended: boolean;
  /** Whether the runner's process for one of the files ended early. */
  endedEarly: boolean;
  /** The test or file that began last; if a file ended early, the last one before that. */
  lastBegun: string | null;
}

function readLines(run: RunReport): Read {
  const read: Read = {
    counts: { total: 0, passed: 0, failed: 0, skipped: 0 },
    tests: [],
    ended: false,
    endedEarly: false,
    lastBegun: null,
  };
  // Whether the result of the test that began last was reported.
  let lastReported = true;
  let invalidLines = 0;
  for (const text of run.report.split('\n')) {
    if (!text.startsWith('{') || !text.endsWith('}')) continue; // Exceptions cost a thousand times as much.
    const { success, data } = line.safeParse(parse(text));
    // Invalid and truncated lines are skipped. The result never depends on one of them alone.
    if (!success && ++invalidLines > MAX_INVALID_LINES) break;
    if (!success) continue;
    const { begin, test: reported, counts, ended_early: file, exit_code: exitCode } = data;
    if (begin !== undefined && !read.endedEarly) [read.lastBegun, lastReported] = [begin, false];
    if (reported) read.tests.push(resultOf(reported));
    if (reported?.name === read.lastBegun) lastReported = true;
    if (counts) {
      const { found: total, ...others } = counts;
      read.counts = { total, ...others };
    }
    // A file that failed before any of its tests began could not be loaded. This counts as an ordinary
    // failure.
    if (file !== undefined && !(exitCode && file === read.lastBegun)) read.endedEarly = true;
    if (data.end) {
      read.ended = true;
      read.tests = [...(data.failures ?? []).map(resultOf), ...read.tests.filter((each) => !isFailure(each))];
    }
  }
  if (!read.ended && !lastReported && read.lastBegun !== null) addInterrupted(read, read.lastBegun, run);
  return read;
}

/**
 * The test that was running when the runner ended did not pass. It may also be a file that was being loaded.
 */
function addInterrupted(
  { tests, counts }: Read,
  name: string,
  { outcome, signal, exitCode }: RunReport,
): void {
  const how = outcome === 'passed' || outcome === 'failed' ? `exit code ${exitCode}` : (signal ?? outcome);
  tests.push({ name, outcome: 'error', durationMs: 0, message: `The test runner ended in it: ${how}.` });
  counts.failed += 1;
  counts.total = Math.max(counts.total, counts.passed + counts.failed + counts.skipped);
}

function outcomeOf(run: RunReport, { counts, ended, endedEarly }: Read): TestOutcome {
  const { total, passed, failed, skipped } = counts;
  const endedByItself = run.outcome === 'passed' || run.outcome === 'failed';
  if (!endedByItself && run.outcome !== 'killed_by_signal') return run.outcome;
  if (!ended || endedEarly) return 'runner_ended_early';
  if (failed > 0) return 'tests_failed';
  if (passed + skipped < total) return 'runner_ended_early';
  if (!endedByItself) return run.outcome;
  if (total === 0 || run.exitCode === NOTHING_TO_RUN) return 'no_tests';
  return run.outcome === 'passed' ? 'passed' : 'tests_failed';
}

const failuresFirst = (tests: TestResult[]) => [
  ...tests.filter(isFailure),
  ...tests.filter((each) => !isFailure(each)),
];

const isFailure = ({ outcome }: TestResult) => outcome !== 'passed' && outcome !== 'skipped';

function resultOf({ name, outcome, duration_ms: durationMs, message }: z.infer<typeof test>): TestResult {
  return { name, outcome, durationMs, message };
}

function bounded({ name, message, ...rest }: TestResult): TestResult {
  return {
    name: truncate(name, MAX_NAME_CHARACTERS),
    ...rest,
    message: message && truncate(message, MAX_MESSAGE_CHARACTERS),
  };
}

/** Truncates a text. Removes unpaired surrogates, which the cut or a test may leave. */
const truncate = (text: string, characters: number) => Buffer.from(text.slice(0, characters)).toString();

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
