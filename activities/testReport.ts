import type { Deferred } from './deferral';
import type { OutputRange, RunOutcome, RunReport } from './ports';

/** The steps of a submission's tests, in the order in which they can occur. */
export type Step = 'install' | 'run' | 'tests';

/** How the tests ended. Only `passed` is a pass. The cause is always the submission, never the platform. */
export type TestOutcome =
  | RunOutcome
  /** A test case printed unexpected output. */
  | 'wrong_output'
  /** The test framework found a failing test. */
  | 'tests_failed'
  /**
   * The test framework, or its process for one of the files, ended before all tests that it found had
   * finished.
   */
  | 'runner_ended_early'
  /** The test framework found no test to run. */
  | 'no_tests'
  /** The packages that the submission requires could not be installed. */
  | 'requirements_failed';

/** The execution of one step. Test cases are many executions; this is the one that decided. */
export interface StepReport extends RunReport {
  step: Step;
  /** True if it passed because it kept running, as a worker does, and was then stopped. */
  alive?: true;
}

/** One test: a test case, or a test that a framework reported. */
export interface TestResult {
  name: string;
  outcome: 'skipped' | 'error' | 'wrong_output' | RunOutcome;
  durationMs: number;
  /**
   * Why it did not pass: a diff of expected and actual output, or the framework's message; null for a pass.
   */
  message: string | null;
}

/**
 * How many tests there were, including those that are not listed. Tests missing from the sum never finished.
 */
export interface TestCounts {
  total: number;
  passed: number;
  failed: number;
  skipped: number;
}

/** Output of an execution that the report of the tests does not contain. */
export interface TruncatedOutput extends OutputRange {
  /** Name of the execution, such as `run` or `case-3`. */
  name: string;
  executionId: string;
}

/**
 * Returned instead of a report: nothing ran, because the user's environment is missing. Older gateways read
 * the other fields as a report without steps.
 */
export interface DeferredTests extends Deferred {
  steps: [];
  tests: [];
  executedAgain: false;
}

/** What the tests of a submission have begun so far, for the attempt that goes on with them. */
export interface BegunTests {
  /** When they were first attempted, in milliseconds since the epoch. */
  since: number;
  /** Each execution by the name of its step. */
  executions: Record<string, string>;
  executedAgain: boolean;
  /** Whether this lists everything that was begun. Otherwise something may have begun unnoticed. */
  over: boolean;
}

/** Returned by brief tests instead of a report: others come first, or the program runs for longer. */
export interface UnfinishedTests {
  unfinished: BegunTests;
}

/** How a submission's tests ended. */
export interface TestReport {
  outcome: TestOutcome;
  /** The executed steps, in order. The last one decided. */
  steps: StepReport[];
  /** A limited number of a framework's tests, the failed ones first. */
  tests: TestResult[];
  /** Counts of all tests of a framework. Absent for test cases, which are all in `tests`. */
  counts?: TestCounts;
  /** If a framework did not finish: the test or file that began last, or null if none began. */
  lastBegun?: string | null;
  /**
   * True if a step was executed again because the pod that first ran it is gone, or if it is unknown whether
   * the step had already been executed there.
   */
  executedAgain: boolean;
  /** Output that this report leaves out. The test pod keeps it for a while. */
  unkept?: TruncatedOutput[];
  /** The installed packages with their versions. Production gets the same. */
  installed?: string[];
}
