import type { Deferred } from './deferral';
import type { OutputRange, RunOutcome, RunReport } from './ports';

/** What is executed for a submission's tests, in the order in which it can occur. */
export type Step = 'install' | 'run' | 'tests';

/** Why the tests ended as they did. Only `passed` is a pass; all are the submission's doing, never the platform's. */
export type TestOutcome =
  | RunOutcome
  /** A case printed something else than was expected of it. */
  | 'wrong_output'
  /** The test framework found a failing test. */
  | 'tests_failed'
  /** The test framework, or its process for one of the files, ended before all tests that it found were over. */
  | 'runner_ended_early'
  /** The test framework found no test to run. */
  | 'no_tests'
  /** The packages that the submission requires could not be installed. */
  | 'requirements_failed';

/** One step's execution. Of cases, which are many executions, it is the one that decided. */
export interface StepReport extends RunReport {
  step: Step;
  /** True when it passed because it kept running, as a worker does, and was stopped then. */
  alive?: true;
}

/** One test: a case, or what a framework reported. */
export interface TestResult {
  name: string;
  outcome: 'skipped' | 'error' | 'wrong_output' | RunOutcome;
  durationMs: number;
  /** Why it did not pass: a diff of expected and actual output, or the framework's words; null for a pass. */
  message: string | null;
}

/** How many tests there were, whatever is listed of them; those that are missing in the sum never ended. */
export interface TestCounts {
  total: number;
  passed: number;
  failed: number;
  skipped: number;
}

/** Output of an execution that the report of the tests does not have. */
export interface TruncatedOutput extends OutputRange {
  /** Name of the execution, such as `run` or `case-3`. */
  name: string;
  executionId: string;
}

/**
 * In place of a report: nothing ran, because the user's environment is missing. Older gateways read the other fields as
 * a report without steps.
 */
export interface DeferredTests extends Deferred {
  steps: [];
  tests: [];
  executedAgain: false;
}

/** How a submission's tests ended. */
export interface TestReport {
  outcome: TestOutcome;
  /** What was executed, in order; the last one decided. */
  steps: StepReport[];
  /** Of a framework's tests a limited number, those that failed first. */
  tests: TestResult[];
  /** Of all tests of a framework; of cases, all are in `tests`. */
  counts?: TestCounts;
  /** Of a framework that did not come to its end: the test or file that it began last, or null when it began none. */
  lastBegun?: string | null;
  /**
   * True when a step was executed once more because the pod that ran it first is gone; also when nobody is left who
   * knows whether it ran there.
   */
  executedAgain: boolean;
  /** Output of its executions that this report does not have: it is in the test pod for a while. */
  unkept?: TruncatedOutput[];
  /** What was installed for its requirements, each package in its version: production gets the same. */
  installed?: string[];
}
