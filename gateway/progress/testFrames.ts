/** Frames with the test results of a submission, step by step and test by test. */
import type { StepReport, SubmitCodeInput, TestReport } from '../../workflows/contract';
import type { StepFrame, TestFrame, Unplaced } from '../protocol/serverFrames';

/** The part of a submission that determines which steps its tests have. */
export type Planned = Pick<SubmitCodeInput, 'program' | 'tests'>;

/**
 * A frame for every planned step, in order. The step `syntax` is not executed: how the program ended shows
 * whether its syntax is valid. So it has no measurements.
 */
export function stepFrames(report: TestReport, planned: Planned | null): Unplaced<StepFrame>[] {
  return plan(report, planned).map((step) => {
    if (step === 'syntax') return { type: 'step', step, state: syntaxState(report) };
    const executed = report.steps.find((each) => each.step === step);
    // A program with invalid syntax was not executed.
    if (executed === undefined || (step !== 'install' && report.outcome === 'syntax_error'))
      return { type: 'step', step, state: 'skipped' };
    return { type: 'step', step, ...measured(executed, report) };
  });
}

export function testFrames({ tests }: TestReport): Unplaced<TestFrame>[] {
  return tests.map(({ name, outcome, durationMs, message }) => {
    return { type: 'test', name, outcome, duration_ms: durationMs, message };
  });
}

function plan(report: TestReport, planned: Planned | null): StepFrame['step'][] {
  const took = (step: string) => report.steps.some((each) => each.step === step);
  const installs = (planned?.program.requirements.length ?? 0) > 0 || took('install');
  const tests = planned?.tests ?? null;
  return [
    ...(installs ? ['install' as const] : []),
    'syntax',
    ...(tests?.kind === 'cases' ? [] : ['run' as const]),
    ...(tests !== null || took('tests') ? ['tests' as const] : []),
  ];
}

function syntaxState({ outcome, steps }: TestReport): StepFrame['state'] {
  if (outcome === 'syntax_error') return 'failed';
  return steps.some(({ step }) => step !== 'install') ? 'passed' : 'skipped';
}

/** Only the last step can have failed: all before it passed. */
function measured(executed: StepReport, { outcome, steps, executedAgain }: TestReport) {
  const state: StepFrame['state'] = executed === steps.at(-1) && outcome !== 'passed' ? 'failed' : 'passed';
  return {
    state,
    duration_ms: executed.wallMs,
    cpu_ms: executed.cpuMs,
    peak_memory_bytes: executed.peakMemoryBytes,
    ...(executedAgain && { executed_again: true as const }),
  };
}
