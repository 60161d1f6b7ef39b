import { DeployQueue, type Claim } from '../../workflows/deployQueue';

const at = (second: number, changes: Partial<Claim> = {}): Claim => ({
  workflowId: `submission-${second}`,
  id: String(second),
  name: `submission ${second}`,
  acceptedAt: new Date(second * 1000).toISOString(),
  startedAt: second * 1000,
  yields: true,
  ...changes,
});

const empty = () => new DeployQueue({ holder: null, waiting: [], last: null });

/** The notifications since the last call: `1 goes`, or `1 yields to 2`. */
const said = (order: DeployQueue) =>
  order.notifications
    .splice(0)
    .map(
      ({ workflowId, turn }) =>
        `${workflowId.replace('submission-', '')} ${turn.granted ? 'goes' : `yields to ${turn.by.id}`}`,
    );

test('the first goes at once, and a second waits until it has left', () => {
  const order = empty();
  order.claim(at(1));
  order.claim(at(2));
  expect(said(order)).toEqual(['1 goes']);
  order.leave('submission-1', true);
  expect(said(order)).toEqual(['2 goes']);
});

test('of those that wait only the newest goes, and the others are told by which they were replaced', () => {
  const order = empty();
  for (const second of [1, 2, 4, 3]) order.claim(at(second));
  expect(said(order)).toEqual(['1 goes', '2 yields to 4', '3 yields to 4']);
  order.leave('submission-1', true);
  expect(said(order)).toEqual(['4 goes']);
});

test('one that comes after a newer one was carried out does not go any more', () => {
  const order = empty();
  order.claim(at(2));
  order.leave('submission-2', true);
  order.claim(at(1));
  expect(said(order)).toEqual(['2 goes', '1 yields to 2']);
});

test('one that comes after a newer one has failed goes: what is live is older than both', () => {
  const order = empty();
  order.claim(at(2));
  order.leave('submission-2', false);
  order.claim(at(1));
  expect(said(order)).toEqual(['2 goes', '1 goes']);
});

test('one that does not yield waits its turn, before and after others', () => {
  const order = empty();
  order.claim(at(1));
  order.claim(at(2, { yields: false }));
  order.claim(at(3));
  order.leave('submission-1', true);
  expect(said(order)).toEqual(['1 goes', '2 goes']);
  order.leave('submission-2', true);
  expect(said(order)).toEqual(['3 goes']);
});

test('one that leaves while it waits is forgotten', () => {
  const order = empty();
  order.claim(at(1));
  order.claim(at(2));
  order.leave('submission-2', false);
  order.leave('submission-1', true);
  expect(said(order)).toEqual(['1 goes']);
  expect(order.state.holder).toBeNull();
});

test('a claim that is made again changes nothing', () => {
  const order = empty();
  order.claim(at(1));
  order.claim(at(2));
  order.claim(at(2));
  order.claim(at(1));
  expect(said(order)).toEqual(['1 goes', '1 goes']);
  expect(order.state.waiting).toEqual([at(2)]);
});

test('the holder is notified again, before the others', () => {
  const order = empty();
  expect(order.probeHolders()).toBe(false);
  order.claim(at(1));
  expect(said(order)).toEqual(['1 goes']);
  order.claim(at(2));
  order.claim(at(3));
  expect(order.probeHolders()).toBe(true);
  expect(said(order)).toEqual(['1 goes', '2 yields to 3']);
});

test('those of the same millisecond go in the order of their start, then of their ids', () => {
  const { acceptedAt } = at(5);
  const order = empty();
  order.claim(at(1));
  order.claim(at(3, { acceptedAt, startedAt: 7 }));
  order.claim(at(2, { acceptedAt, startedAt: 8 }));
  order.claim(at(4, { acceptedAt, startedAt: 8 }));
  expect(said(order)).toEqual(['1 goes', '3 yields to 2', '2 yields to 4']);
});

test('an order that is taken up from its state goes on where it was', () => {
  const before = empty();
  for (const second of [1, 2]) before.claim(at(second));
  const after = new DeployQueue(before.state);
  after.leave('submission-1', true);
  expect(said(after)).toEqual(['2 goes']);
});
