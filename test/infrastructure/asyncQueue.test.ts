import { AsyncQueue } from '../../infrastructure/asyncQueue';

test('a full queue keeps its producers waiting, and lets them go when it is closed', async () => {
  const queue = new AsyncQueue<number>(10);
  expect(await queue.put(1, 8)).toBe(true);
  let isIn = false;
  const second = queue.put(2, 8).then((open) => {
    isIn = open;
    return open;
  });
  await new Promise(setImmediate);
  expect(isIn).toBe(false);
  const taken = queue.take();
  expect((await taken.next()).value).toBe(1);
  expect(await second).toBe(true);
  expect((await taken.next()).value).toBe(2);
  queue.close(new Error('over'));
  await expect(taken.next()).rejects.toThrow('over');
  expect(await queue.put(3, 1)).toBe(false);
});

test('without capacity, a producer waits until its item was dealt with', async () => {
  const queue = new AsyncQueue<number>(0);
  const settled: [number, boolean][] = [];
  for (const item of [1, 2, 3]) void queue.put(item).then((open) => settled.push([item, open]));
  const taken = queue.take();
  expect((await taken.next()).value).toBe(1);
  await new Promise(setImmediate);
  expect(settled).toEqual([]);
  expect((await taken.next()).value).toBe(2);
  await new Promise(setImmediate);
  expect(settled).toEqual([[1, true]]);
  queue.close();
  await new Promise(setImmediate);
  expect(settled).toEqual([
    [1, true],
    [2, false],
    [3, false],
  ]);
});
