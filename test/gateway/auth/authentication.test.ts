import { authentication } from '../../../gateway/auth/authentication';
import { BOOTSTRAP } from '../../../gateway/auth/principal';
import { directoryOf, keyOf } from './directory';

const apiKey = 'ceab673e2b6794dd31be3dcf12f1db9d';
const alice = keyOf('aaaaaaaaaaaa', { userId: 'alice' });
const admin = keyOf('bbbbbbbbbbbb', { userId: null });
const old = keyOf('cccccccccccc', { userId: 'alice', expiresAt: new Date(Date.now() - 1).toISOString() });
const directory = directoryOf([alice, admin, old]);
const keys = authentication(apiKey, directory);

test('the key of the environment is an admin key', () => {
  expect(keys.byKey(apiKey)).toEqual(BOOTSTRAP);
});

test.each([undefined, '', apiKey.slice(1), `${apiKey} `, apiKey.toUpperCase(), `${apiKey}, ${apiKey}`])(
  '%p is not accepted',
  (presented) => {
    expect(keys.byKey(presented)).toBe('invalid');
  },
);

test('a stored key is accepted for its user, an admin key for every user', () => {
  expect(keys.byKey(alice.key)).toEqual({ keyId: 'aaaaaaaaaaaa', userId: 'alice', expiresAt: null });
  expect(keys.byKey(admin.key)).toMatchObject({ userId: null });
});

test('a key with the id of another one, a changed key, and one that expired are not accepted', () => {
  const forged = alice.key.replace('aaaaaaaaaaaa', 'bbbbbbbbbbbb');
  for (const key of [forged, `${alice.key.slice(0, -1)}~`, old.key]) expect(keys.byKey(key)).toBe('invalid');
});

test('a key is not accepted any more once it is revoked', () => {
  const revocable = directoryOf([alice]);
  const known = authentication(apiKey, revocable);
  revocable.keys = [];
  expect(known.byKey(alice.key)).toBe('invalid');
  expect(known.byId('aaaaaaaaaaaa')).toBe('invalid');
});

test('while keys cannot be read, only the key of the environment is accepted', () => {
  const away = directoryOf([alice]);
  away.current = false;
  const known = authentication(apiKey, away);
  expect(known.byKey(alice.key)).toBe('unavailable');
  expect(known.byKey(apiKey)).toEqual(BOOTSTRAP);
  expect(known.byKey('nonsense')).toBe('invalid');
});

test('without a cluster there is no other key than that of the environment', () => {
  expect(authentication(apiKey, null).byKey(alice.key)).toBe('invalid');
});
