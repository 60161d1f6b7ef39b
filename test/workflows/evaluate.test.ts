import type { RunReport } from '../../activities/ports';
import { evaluate } from '../../workflows/evaluate';

const nothing = { text: '', bytes: 0, truncated: false };

const report = (changes: Partial<RunReport>): RunReport => ({
  outcome: 'passed',
  exitCode: 0,
  signal: null,
  wallMs: 12,
  cpuMs: 10,
  peakMemoryBytes: 9_000_000,
  stdout: nothing,
  stderr: nothing,
  error: null,
  podUid: 'pod',
  ...changes,
});

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
