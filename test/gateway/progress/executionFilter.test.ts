import { ExecutionFilter } from '../../../gateway/progress/executionFilter';
import type { LogEvent } from '../../../infrastructure/kubernetes/logs/podLog';
import type { LogLine } from '../../../infrastructure/kubernetes/testPod/logLines';

const PREFIX = 'submission-s1/run-1/1/';
const start = (execution: string, step: string, prefix = PREFIX): LogLine => {
  return { type: 'start', execution, key: prefix + step };
};
const print = (text: string, offset = 0): LogLine => {
  return { type: 'output', stream: 'stdout', offset, data: Buffer.from(text) };
};
const end: LogLine = { type: 'end' };
const lines = (...all: LogLine[]): LogEvent => ({ type: 'lines', lines: all });
const reopened = (sameContainer: boolean): LogEvent => ({ type: 'reopened', sameContainer });

const told = (own: ExecutionFilter, ...events: LogEvent[]) =>
  events
    .flatMap((event) => own.take(event))
    .map(
      ({ execution, step, again, data }) => `${execution} ${step} ${data.toString()}${again ? ' again' : ''}`,
    );

test('only what stands between a start and an end of these tests is theirs', () => {
  const other = 'submission-s2/run-2/1/';
  expect(
    told(
      new ExecutionFilter(PREFIX, null),
      lines(print('before'), start('x', 'run', other), print('of another'), end),
      lines(start('a', 'install'), print('one'), end, print('nobody'), start('b', 'run'), print('two')),
      lines(print('three'), end, start('c', 'case-1'), print('of a case'), end),
    ),
  ).toEqual(['a install one', 'b run two', 'b run three']);
});

test('what stands before the execution that was told already was told too', () => {
  const own = new ExecutionFilter(PREFIX, { execution: 'b', stdout: 3, stderr: 0 });
  expect(told(own, lines(start('a', 'install'), print('one'), end, start('b', 'run'), print('two')))).toEqual(
    ['b run two'],
  );
});

test('a log that is opened again in the same container is read again, up to where it was', () => {
  const own = new ExecutionFilter(PREFIX, null);
  const first = lines(start('a', 'install'), print('one'), end, start('b', 'run'), print('two'));
  told(own, first);
  expect(told(own, reopened(true), first, lines(print('three')))).toEqual(['b run two', 'b run three']);
});

test('in the log of another container, the next execution takes the place of the last', () => {
  const own = new ExecutionFilter(PREFIX, null);
  told(own, lines(start('b', 'run'), print('two')));
  expect(
    told(
      own,
      reopened(false),
      lines(start('a2', 'install'), print('one'), end, start('b2', 'run'), print('two')),
    ),
  ).toEqual(['a2 install one again', 'b2 run two']);
});

test('the same step in another execution is executed again', () => {
  const own = new ExecutionFilter(PREFIX, null);
  expect(told(own, lines(start('b', 'run'), print('x'), start('b2', 'run'), print('x')))).toEqual([
    'b run x',
    'b2 run x again',
  ]);
});
