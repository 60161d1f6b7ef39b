import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { linkedAbort } from '../../infrastructure/linkedAbort';

setFlagsFromString('--expose-gc');
const garbageCollector = runInNewContext('gc') as () => void;

/** Objects of one turn of the event loop are only collected in a later turn. */
async function collectGarbage(): Promise<void> {
  for (let times = 0; times < 3; times++) {
    await setTimeout(20);
    garbageCollector();
  }
}

test('it is aborted with any of its signals, for their reason', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const linked = linkedAbort([one.signal, other.signal]);
  other.abort(new Error('over'));
  expect(linked.signal.reason).toEqual(new Error('over'));
  expect(linkedAbort([one.signal, other.signal]).signal.reason).toEqual(new Error('over'));
  expect(one.signal.aborted).toBe(false);
});

test('its deadline comes, whatever the garbage collector took meanwhile', async () => {
  const reasons: string[] = [];
  (function wait() {
    const { signal } = new AbortController();
    const { signal: inTime } = linkedAbort([linkedAbort([signal], 300).signal, signal]);
    inTime.addEventListener('abort', () => reasons.push((inTime.reason as Error).name));
  })();
  await collectGarbage();
  await setTimeout(500);
  expect(reasons).toEqual(['TimeoutError']);
});

test('what listened to it is let go when it was aborted, while its signals live on', async () => {
  const long = new AbortController();
  const held = (function call() {
    const linked = linkedAbort([long.signal], 60_000);
    const what = { of: 'a call' };
    linked.signal.addEventListener('abort', () => what.of);
    linked.abort();
    return new WeakRef(what);
  })();
  await collectGarbage();
  expect(held.deref()).toBeUndefined();
  expect(long.signal.aborted).toBe(false);
});
