import { TestTurns, type TestClaim } from '../../workflows/testQueueState';

const at = (second: number): TestClaim => ({
  workflowId: `submission-${second}`,
  acceptedAt: new Date(second * 1000).toISOString(),
});

const empty = () => new TestTurns({ holders: [], waiting: [] });

/** The submissions that got their turn since the last call. */
const granted = (turns: TestTurns) =>
  turns.notifications.splice(0).map((id) => Number(id.replace('submission-', '')));

test('two have their turn at once, the others when one of them has left, in the order in which they were accepted', () => {
  const turns = empty();
  for (const second of [1, 2, 5, 3, 4]) turns.claim(at(second));
  expect(granted(turns)).toEqual([1, 2]);
  for (const second of [2, 1, 3, 4, 5]) turns.leave(at(second).workflowId);
  expect(granted(turns)).toEqual([3, 4, 5]);
  expect(turns.state).toEqual({ holders: [], waiting: [] });
});

test('one that leaves while it waits is forgotten', () => {
  const turns = empty();
  for (const second of [1, 2, 3, 4]) turns.claim(at(second));
  turns.leave(at(3).workflowId);
  turns.leave(at(1).workflowId);
  expect(granted(turns)).toEqual([1, 2, 4]);
});

test('without holders, there is no one to notify', () => {
  const turns = empty();
  expect(turns.probeHolders()).toBe(false);
  expect(granted(turns)).toEqual([]);
});

test('a claim that is made again changes nothing, and a holder is told again that it is its turn', () => {
  const turns = empty();
  for (const second of [1, 2, 3, 3, 1]) turns.claim(at(second));
  expect(granted(turns)).toEqual([1, 2, 1]);
  expect(turns.state).toEqual({ holders: [at(1), at(2)], waiting: [at(3)] });
  expect(turns.probeHolders()).toBe(true);
  expect(granted(turns)).toEqual([1, 2]);
});

test('those of the same millisecond have an order as well', () => {
  const { acceptedAt } = at(1);
  const turns = empty();
  for (const id of ['b', 'c', 'd', 'a']) turns.claim({ workflowId: id, acceptedAt });
  expect(turns.state.waiting.map(({ workflowId }) => workflowId)).toEqual(['a', 'd']);
});

test('a queue that is taken up from its state continues where it was', () => {
  const before = empty();
  for (const second of [1, 2, 3]) before.claim(at(second));
  const after = new TestTurns(JSON.parse(JSON.stringify(before.state)) as typeof before.state);
  after.leave(at(2).workflowId);
  expect(granted(after)).toEqual([3]);
});

test('several thousand claims cost little', () => {
  const turns = empty();
  const began = performance.now();
  for (let second = 0; second < 5_000; second++) turns.claim(at(second));
  for (let second = 0; second < 5_000; second++) turns.leave(at(second).workflowId);
  expect(turns.state).toEqual({ holders: [], waiting: [] });
  expect(performance.now() - began).toBeLessThan(5_000);
});
