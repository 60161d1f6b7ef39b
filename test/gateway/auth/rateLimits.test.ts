import { Quotas, TokenBucket } from '../../../gateway/auth/rateLimits';
import { BOOTSTRAP } from '../../../gateway/auth/principal';

test('a bucket gives what it holds, then says when there is more', () => {
  let now = 0;
  const bucket = new TokenBucket(2, 0.5, () => now);
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 2]);
  now = 2_000;
  expect([bucket.take(), bucket.take()]).toEqual([0, 2]);
  now = 1_000_000;
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 2]);
});

test('connections of a key share its quota, and an admin key has none', () => {
  const limits = {
    messagesPerSecond: 1,
    messageBurst: 1,
    submissionsPerMinute: 1,
    followed: 1,
    connections: 1,
  };
  const quotas = new Quotas(limits);
  const alice = { keyId: 'a', userId: 'alice', expiresAt: null };
  const end = quotas.of(alice).follow();
  expect(quotas.of({ ...alice }).follow()).toBeNull();
  end?.();
  expect(quotas.of(alice).follow()).not.toBeNull();
  for (let n = 0; n < 1_000; n++) expect(quotas.of(BOOTSTRAP).takeSubmission()).toBe(0);
});
