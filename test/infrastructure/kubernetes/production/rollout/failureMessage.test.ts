import { failureMessage } from '../../../../../infrastructure/kubernetes/production/rollout/failureMessage';

const crashed = { reason: 'crash_loop' as const, message: 'Your program crashed.' };

test('a crash is told with the last lines of the program, without what is said already', () => {
  const logs = `${'early\n'.repeat(20)}Traceback (most recent call last):\n  File "main.py", line 1\nValueError: no\n\norchestration: program failed after 0.1 s: exit code 1\n`;
  const message = failureMessage(crashed, logs);
  expect(message).toMatch(/^Your program crashed\. Last lines:\nearly\n/);
  expect(message).toMatch(/line 1\nValueError: no$/);
  expect(message.split('\n')).toHaveLength(7);
});

test.each([
  [
    'Python',
    'Traceback (most recent call last):\n  File "main.py", line 1\nEOFError: EOF when reading a line\n',
  ],
  ['Node', 'Warning: Detected unsettled top-level await at file:///work/1/main.mjs:3\n'],
  ['Node that parses it', 'SyntaxError: Unexpected end of JSON input\n    at JSON.parse (<anonymous>)\n'],
])('%s that fails for want of input is told so, and what to do', (_, logs) => {
  const message = failureMessage(crashed, logs);
  expect(message).toContain('It seems to read input, which ends at once in production.');
  expect(message).toContain('"deploy": false');
});

test('a program that prints the word is not taken for one that wants input when it did not crash', () => {
  const late = { reason: 'deadline_exceeded' as const, message: 'It was not ready.' };
  expect(failureMessage(late, 'EOFError: x\n')).toBe('It was not ready. Last lines:\nEOFError: x');
});

test('one that is not ready says where it listens', () => {
  const late = { reason: 'deadline_exceeded' as const, message: 'It was not ready.' };
  const logs = 'orchestration: the program listens on 127.0.0.1:8080; listen on 0.0.0.0:$PORT\n';
  expect(failureMessage(late, logs)).toContain('listens on 127.0.0.1:8080; listen on 0.0.0.0:$PORT');
});

test('the message stays short, and without output it is as it was', () => {
  expect(failureMessage(crashed, 'x'.repeat(10_000)).length).toBeLessThan(1_200);
  expect(failureMessage(crashed, '\n')).toBe('Your program crashed.');
});
