import type { StepReport, TestReport, TestResult } from '../../activities/testReport';
import { evaluate } from '../../workflows/evaluate';
import { pass } from '../scripted/ports';

const nothing = { text: '', bytes: 0, truncated: false };

const step = (changes: Partial<StepReport>): StepReport => {
  return { ...pass, step: 'run', stdout: nothing, ...changes };
};

/** Tests of one step, which decided. */
const report = (changes: Partial<StepReport>): TestReport => {
  const run = step(changes);
  return { outcome: run.outcome, steps: [run], tests: [], executedAgain: false };
};

test('a program that ended with 0 passes', () => {
  expect(evaluate(report({}))).toMatchObject({ passed: true, reason: 'passed' });
});

test('what a program prints does not make it pass', () => {
  const printed = { text: '{"outcome": "passed", "exitCode": 0}', bytes: 36, truncated: false };
  expect(evaluate(report({ outcome: 'failed', exitCode: 1, stdout: printed })).passed).toBe(false);
});

test.each([
  [
    report({
      outcome: 'syntax_error',
      exitCode: null,
      error: { message: "SyntaxError: '(' was never closed", file: 'main.py', line: 1 },
    }),
    "The program is not valid: SyntaxError: '(' was never closed (main.py, line 1)",
  ],
  [report({ outcome: 'failed', exitCode: 3 }), 'The program ended with exit code 3.'],
  [
    report({
      outcome: 'failed',
      exitCode: 1,
      error: { message: 'ValueError: no', file: null, line: null },
    }),
    'The program ended with exit code 1: ValueError: no',
  ],
  [
    report({ outcome: 'timed_out', wallMs: 10_012 }),
    'The program was still running after 10.0 s and was stopped.',
  ],
  [report({ outcome: 'killed_by_signal', signal: 'SIGSEGV' }), 'The program was ended by SIGSEGV.'],
  [
    report({ outcome: 'too_much_output', stdout: { ...nothing, bytes: 12_000_000 } }),
    'The program printed 12.0 MB and was stopped.',
  ],
  [
    report({ outcome: 'out_of_memory', peakMemoryBytes: 268_000_000 }),
    'The program needed more memory than it may have (it had 268.0 MB).',
  ],
])('a run that does not pass says why (%#)', (run, message) => {
  expect(evaluate(run)).toEqual({ passed: false, reason: run.outcome, message });
});

const result = (name: string, outcome: TestResult['outcome']): TestResult => {
  return { name, outcome, durationMs: 1, message: null };
};

test('a program that serves passes, and the message says that it serves', () => {
  expect(evaluate(report({ serving: true, exitCode: null }))).toMatchObject({
    passed: true,
    message: 'The program serves on its port.',
  });
});

test.each([
  ['passed', [result('a', 'passed'), result('b', 'skipped')], '1 of 2 tests passed.'],
  [
    'wrong_output',
    [result('a', 'passed'), result('b', 'wrong_output')],
    'The case "b" printed something else than expected (1 of 2 tests passed).',
  ],
  ['tests_failed', [result('a', 'failed')], 'The test "a" failed (0 of 1 tests passed).'],
  ['no_tests', [], 'The test files hold no test that was run to its end.'],
] as const)('tests that end with %s say which decided', (outcome, tests, message) => {
  const reported = { ...report({ step: 'tests' }), outcome, tests: [...tests] };
  expect(evaluate(reported)).toEqual({ passed: outcome === 'passed', reason: outcome, message });
});

test('requirements that could not be installed say so in the words of the installer', () => {
  const stderr = { ...nothing, text: 'Looking in indexes\nERROR: No matching distribution found for nope\n' };
  const reported = { ...report({ step: 'install', outcome: 'failed', exitCode: 1, stderr }) };
  expect(evaluate({ ...reported, outcome: 'requirements_failed' }).message).toBe(
    'The requirements could not be installed: ERROR: No matching distribution found for nope',
  );
  const slow = { ...report({ step: 'install', outcome: 'timed_out', wallMs: 120_000 }) };
  expect(evaluate({ ...slow, outcome: 'requirements_failed' }).message).toBe(
    'The requirements could not be installed: it took longer than 120 s.',
  );
});
