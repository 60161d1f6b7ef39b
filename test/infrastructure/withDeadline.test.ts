import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { withDeadline } from '../../infrastructure/withDeadline';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a deadline comes, whatever the garbage collector took meanwhile', async () => {
  const { signal } = new AbortController();
  const reasons: string[] = [];
  for (let made = 0; made < 10; made++) {
    const inTime = AbortSignal.any([withDeadline(signal, 300), new AbortController().signal]);
    inTime.addEventListener('abort', () => reasons.push((inTime.reason as Error).name));
  }
  // What was made in this turn of the event loop is only collected in a later one.
  for (let times = 0; times < 3; times++) {
    await setTimeout(20);
    collectGarbage();
  }
  await setTimeout(500);
  expect(reasons).toEqual(Array(10).fill('TimeoutError'));
});

test('what aborts the signal that was given comes before the deadline', () => {
  const over = new AbortController();
  const inTime = withDeadline(over.signal, 60_000);
  over.abort(new Error('over'));
  expect(inTime.reason).toEqual(new Error('over'));
});
