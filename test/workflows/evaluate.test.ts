import type { StepReport, TestReport, TestResult } from '../../activities/testReport';
import { startedAs } from '../../workflows/contract';
import { evaluate } from '../../workflows/evaluate';
import { pass } from '../scripted/ports';

const nothing = { text: '', bytes: 0, truncated: false };

const step = (changes: Partial<StepReport>): StepReport => {
  return { ...pass, step: 'run', stdout: nothing, ...changes };
};

/** Tests whose only step decided the verdict. */
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
    'The program was still running after 10.0 s and was stopped. One that is to keep running must listen on 0.0.0.0:$PORT, or be submitted with "production": {"kind": "worker"}.',
  ],
  [
    report({ outcome: 'timed_out', wallMs: 10_012, listens: ['127.0.0.1:5000'] }),
    'The program was still running after 10.0 s and was stopped. It listens on 127.0.0.1:5000; listen on 0.0.0.0:$PORT.',
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
  ['passed', [result('a', 'passed'), result('b', 'skipped')], '1 of 2 tests passed, 1 skipped.'],
  [
    'wrong_output',
    [result('a', 'passed'), result('b', 'wrong_output')],
    'The case "b" printed unexpected output (1 of 2 tests passed).',
  ],
  ['tests_failed', [result('a', 'failed')], 'The test "a" failed (0 of 1 tests passed).'],
  ['no_tests', [], 'The test files hold no test that was run to its end.'],
] as const)('tests that end with %s say which decided', (outcome, tests, message) => {
  const reported = { ...report({ step: 'tests' }), outcome, tests: [...tests] };
  expect(evaluate(reported)).toEqual({ passed: outcome === 'passed', reason: outcome, message });
});

test('of a framework all tests are counted, also those that are not listed', () => {
  const counts = { total: 500, passed: 497, failed: 1, skipped: 2 };
  const reported = { ...report({ step: 'tests' }), outcome: 'tests_failed', counts } as const;
  expect(evaluate({ ...reported, tests: [result('a', 'failed')] }).message).toBe(
    'The test "a" failed (497 of 500 tests passed, 2 skipped).',
  );
});

test('a runner that ended early is said to have, with the test that began last', () => {
  const counts = { total: 3, passed: 1, failed: 1, skipped: 0 };
  const reported = { ...report({ step: 'tests' }), outcome: 'runner_ended_early', counts } as const;
  expect(evaluate({ ...reported, lastBegun: 'test_a.py::test_2' })).toEqual({
    passed: false,
    reason: 'runner_ended_early',
    message:
      'The test runner ended early, before all tests were over. The last test that began was "test_a.py::test_2" (1 of 3 tests passed).',
  });
  const slow = { ...report({ step: 'tests', outcome: 'timed_out', wallMs: 10_012 }), counts };
  expect(evaluate({ ...slow, lastBegun: 'test_a.py::test_2' }).message).toBe(
    'The program was still running after 10.0 s and was stopped. The last test that began was "test_a.py::test_2" (1 of 3 tests passed).',
  );
  const none = { total: 0, passed: 0, failed: 0, skipped: 0 };
  expect(evaluate({ ...reported, counts: none, lastBegun: null }).message).toBe(
    'The test runner ended early, before all tests were over. No test began.',
  );
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

test('a worker that kept running passes', () => {
  expect(evaluate(report({ outcome: 'passed', exitCode: null, alive: true, wallMs: 5_004 }))).toMatchObject({
    passed: true,
    message: 'The program kept running for 5.0 s, as a worker.',
  });
});

test('production starts a program with the input and arguments of its submission, if there are any', () => {
  const program = { language: 'python', files: {}, entrypoint: 'main.py', requirements: [] };
  expect(startedAs(program, { stdin: '', args: [], env: {} })).toBe(program);
  const given = { stdin: 'x', args: ['-v'] };
  expect(startedAs(program, { ...given, env: {} })).toEqual({ ...program, given });
});
