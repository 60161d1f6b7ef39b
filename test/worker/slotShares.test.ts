import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { NO_EXECUTIONS } from '../../activities/testing';
import { SlotShares } from '../../worker/slotShares';

/** How many activities of one user a worker executes concurrently. */

/** An attempt of a user's activity, and the details of its heartbeats. */
function attempt(
  shares: SlotShares,
  fairnessKey: string | undefined,
  work: () => Promise<string>,
  info = {},
) {
  const environment = new MockActivityEnvironment(
    { ...(fairnessKey !== undefined && { priority: { fairnessKey } }), ...info },
    { logger: new DefaultLogger('ERROR') },
  );
  const heartbeats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => heartbeats.push(details));
  const result = environment.run(() =>
    shares.interceptor(environment.context).execute!({ args: [], headers: {} }, work),
  );
  return { result, heartbeats };
}

const done = () => Promise.resolve('done');

/** Work that does not finish until the test calls `end`. */
function waiting() {
  let end: () => void = () => undefined;
  const ended = new Promise<string>((resolve) => (end = () => resolve('done')));
  return { work: () => ended, end };
}

test('beyond the share of a user an attempt fails at once and comes back soon, and others go on', async () => {
  const shares = new SlotShares(2);
  const held = [waiting(), waiting()];
  const results = held.map(({ work }) => attempt(shares, 'ada', work).result);
  await expect(attempt(shares, 'ada', done).result).rejects.toMatchObject({
    type: 'ActivityShareFull',
    nonRetryable: false,
    message: '2 other activities of this user are under way on this worker.',
    nextRetryDelay: expect.any(Number) as number,
  });
  expect(await attempt(shares, 'bob', done).result).toBe('done');
  expect(await attempt(shares, undefined, done).result).toBe('done');

  held[0]!.end();
  await results[0];
  expect(await attempt(shares, 'ada', done).result).toBe('done');
  held[1]!.end();
  await results[1];
});

test('an attempt that fails gives its place back', async () => {
  const shares = new SlotShares(1);
  const fails = () => Promise.reject(new Error('no'));
  for (let time = 0; time < 3; time++)
    await expect(attempt(shares, 'ada', fails).result).rejects.toThrow('no');
});

test('the attempt after one that found no place knows what was begun before', async () => {
  const shares = new SlotShares(0);
  const first = attempt(shares, 'ada', done);
  await expect(first.result).rejects.toThrow();
  expect(first.heartbeats).toEqual([NO_EXECUTIONS]);

  const begun = { executions: { run: 'e1' }, executedAgain: false, current: null, over: false };
  const second = attempt(shares, 'ada', done, { heartbeatDetails: begun });
  await expect(second.result).rejects.toThrow();
  expect(second.heartbeats).toEqual([begun]);
});
