import { egressCredentials, verifyEgressCredentials } from '../../infrastructure/egressCredentials';

const KEY = 'a-key-of-many-characters';

test('credentials name a user and a plan, and are verified with the same key only', () => {
  const { username, password } = egressCredentials(KEY, { userId: 'ada', plan: 'large' });
  expect(username).toBe('ada.large');
  expect(password).toMatch(/^[\w-]{43}$/);
  expect(verifyEgressCredentials(KEY, username, password)).toEqual({ userId: 'ada', plan: 'large' });
  expect(verifyEgressCredentials('another-key-of-many', username, password)).toBeNull();
});

test.each(['bob.large', 'ada.online', 'ada', 'ada.large.', '.large', 'ada.', '', 'ada.large.x'])(
  'they do not serve as those of %j',
  (username) => {
    const { password } = egressCredentials(KEY, { userId: 'ada', plan: 'large' });
    expect(verifyEgressCredentials(KEY, username, password)).toBeNull();
    expect(verifyEgressCredentials(KEY, 'ada.large', password.slice(1))).toBeNull();
    expect(verifyEgressCredentials(KEY, 'ada.large', '')).toBeNull();
  },
);
