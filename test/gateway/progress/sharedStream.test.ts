import { setImmediate as turn } from 'node:timers/promises';
import { SharedStreams } from '../../../gateway/progress/sharedStream';

/** A source that emits `count` items, and counts how often it was started and ended. */
function sourceOf(count: number, { failure }: { failure?: Error } = {}) {
  const state = { begun: 0, ended: 0 };
  async function* begin(signal: AbortSignal): AsyncGenerator<number> {
    state.begun += 1;
    try {
      for (let item = 0; item < count; item++) {
        await turn();
        yield item;
      }
      if (failure) throw failure;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    } finally {
      state.ended += 1;
    }
  }
  return { state, begin };
}

const never = () => new AbortController().signal;

async function take(stream: AsyncGenerator<number>, count: number): Promise<number[]> {
  const items: number[] = [];
  while (items.length < count) items.push((await stream.next()).value as number);
  return items;
}

test('readers of the same name share one source, and each gets all of it, also who joins late', async () => {
  const { state, begin } = sourceOf(3);
  const streams = new SharedStreams<number>();
  const first = streams.read('a', begin, { signal: never() });
  expect(await take(first, 3)).toEqual([0, 1, 2]);
  const second = streams.read('a', begin, { signal: never() });
  expect(await take(second, 3)).toEqual([0, 1, 2]);
  expect(state).toEqual({ begun: 1, ended: 0 });
  await first.return(undefined);
  await turn();
  expect(state.ended).toBe(0);
  await second.return(undefined);
  await turn();
  expect(state).toEqual({ begun: 1, ended: 1 });
});

test('another name has another source, and so has who comes after the last one left', async () => {
  const { state, begin } = sourceOf(1);
  const streams = new SharedStreams<number>();
  for (const name of ['a', 'b', 'a']) {
    const reader = streams.read(name, begin, { signal: never() });
    expect(await take(reader, 1)).toEqual([0]);
    await reader.return(undefined);
  }
  expect(state.begun).toBe(3);
});

test('a signal ends the reader that waits, and no other', async () => {
  const { state, begin } = sourceOf(1);
  const streams = new SharedStreams<number>();
  const leaving = new AbortController();
  const first = streams.read('a', begin, { signal: leaving.signal });
  const second = streams.read('a', begin, { signal: never() });
  await Promise.all([take(first, 1), take(second, 1)]);
  const waiting = first.next();
  leaving.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(state.ended).toBe(0);
  const end = second.return(undefined);
  await Promise.race([end, turn()]);
});

test('a failure reaches every reader; the next one begins anew', async () => {
  const { state, begin } = sourceOf(1, { failure: new Error('gone') });
  const streams = new SharedStreams<number>();
  const readers = [1, 2].map(() => streams.read('a', begin, { signal: never() }));
  expect(await Promise.all(readers.map((reader) => take(reader, 1)))).toEqual([[0], [0]]);
  for (const reader of readers) await expect(reader.next()).rejects.toThrow('gone');
  expect(await take(streams.read('a', begin, { signal: never() }), 1)).toEqual([0]);
  expect(state.begun).toBe(2);
});

test('a reader that fell behind what is kept goes on with a source of its own, and is told so', async () => {
  const { state, begin } = sourceOf(50);
  const streams = new SharedStreams<number>(40); // bytes, enough for a few numbers
  const slow = streams.read('a', begin, { signal: never(), again: [-1] });
  const fast = streams.read('a', begin, { signal: never() });
  expect(await take(slow, 1)).toEqual([0]);
  expect(await take(fast, 50)).toHaveLength(50);
  expect(await take(slow, 4)).toEqual([-1, 0, 1, 2]);
  expect(state.begun).toBe(2);
});
