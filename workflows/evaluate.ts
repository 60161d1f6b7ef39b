import type { StepReport, TestCounts, TestReport } from '../activities/testReport';

export interface Judgement {
  passed: boolean;
  reason: TestReport['outcome'];
  message: string;
}

/** Judges the tests by measurements from outside the run. Nothing that a run printed affects the result. */
export function evaluate(report: TestReport): Judgement {
  const { outcome } = report;
  return { passed: outcome === 'passed', reason: outcome, message: describe(report) };
}

/** The number of tests. Reports of older workers have no counts; then the listed tests are counted. */
export function countsOf({ counts, tests }: Pick<TestReport, 'counts' | 'tests'>): TestCounts {
  if (counts) return counts;
  const of = (outcome: string) => tests.filter((test) => test.outcome === outcome).length;
  const [total, passed, skipped] = [tests.length, of('passed'), of('skipped')];
  return { total, passed, failed: total - passed - skipped, skipped };
}

function describe(report: TestReport): string {
  const { outcome, steps, tests, lastBegun } = report;
  const step = steps.at(-1);
  if (step === undefined) throw new Error('Tests end with a step.');
  const counts = countsOf(report);
  const first = tests.find((test) => !['passed', 'skipped'].includes(test.outcome))?.name;
  const counted = counts.total > 0 ? ` (${numbersOf(counts)})` : '';
  const last = lastBegun ? `The last test that began was ${JSON.stringify(lastBegun)}` : '';
  switch (outcome) {
    case 'passed':
      if (counts.total > 0) return `${numbersOf(counts)}.`;
      if (step.alive)
        return `The program kept running for ${(step.wallMs / 1000).toFixed(1)} s, as a worker.`;
      return step.serving ? 'The program serves on its port.' : 'The program ended with exit code 0.';
    case 'wrong_output':
      return `The case ${JSON.stringify(first)} printed unexpected output${counted}.`;
    case 'tests_failed':
      return first === undefined
        ? `The tests ended with exit code ${step.exitCode}${counted}.`
        : `The test ${JSON.stringify(first)} failed${counted}.`;
    case 'runner_ended_early':
      return `The test runner ended early, before all tests were over. ${last || 'No test began'}${counted}.`;
    case 'no_tests':
      return 'The test files hold no test that was run to its end.';
    case 'requirements_failed':
      return `The requirements could not be installed: ${installationError(step)}`;
    case 'syntax_error':
    case 'failed':
    case 'timed_out':
    case 'out_of_memory':
    case 'too_much_output':
    case 'too_many_processes':
    case 'killed_by_signal':
      return last ? `${describeRun(step)} ${last}${counted}.` : `${describeRun(step)}${counted}`;
  }
}

function numbersOf({ total, passed, skipped }: TestCounts): string {
  const skippedTests = skipped > 0 ? `, ${skipped} skipped` : '';
  return `${passed} of ${total} tests passed${skippedTests}`;
}

function describeRun(step: StepReport): string {
  switch (step.outcome) {
    case 'passed':
      return 'The program ended with exit code 0.';
    case 'syntax_error':
      return `The program is not valid: ${describeError(step)}`;
    case 'failed':
      return step.error
        ? `The program ended with exit code ${step.exitCode}: ${describeError(step)}`
        : `The program ended with exit code ${step.exitCode}.`;
    case 'timed_out':
      return `The program was still running after ${(step.wallMs / 1000).toFixed(1)} s and was stopped.${howToServe(step)}`;
    case 'out_of_memory':
      return `The program needed more memory than it may have (it had ${megabytes(step.peakMemoryBytes)} MB).`;
    case 'too_much_output':
      return `The program printed ${megabytes(step.stdout.bytes + step.stderr.bytes)} MB and was stopped.`;
    case 'too_many_processes':
      return 'The program started more processes or threads than it may and was stopped.';
    case 'killed_by_signal':
      return `The program was ended by ${step.signal ?? 'a signal'}.`;
  }
}

/** A hint: a program that should keep running passes if it can be reached as in production. */
function howToServe({ step, listens }: StepReport): string {
  if (step !== 'run') return '';
  return listens
    ? ` It listens on ${listens.join(', ')}; listen on 0.0.0.0:$PORT.`
    : ' One that is to keep running must listen on 0.0.0.0:$PORT, or be submitted with "production": {"kind": "worker"}.';
}

function describeError({ error }: StepReport): string {
  if (!error) return 'no details were given.';
  const location =
    error.file === null ? '' : ` (${error.file}${error.line === null ? '' : `, line ${error.line}`})`;
  return `${error.message}${location}`;
}

function installationError(step: StepReport): string {
  if (step.outcome === 'timed_out') return `it took longer than ${(step.wallMs / 1000).toFixed(0)} s.`;
  return step.error?.message ?? lastLine(step);
}

function lastLine({ stderr, stdout }: StepReport): string {
  return (stderr.text.trim() || stdout.text.trim()).split('\n').at(-1) || 'the installer printed no message.';
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
