import { timingSafeEqual } from 'node:crypto';
import { digestOfKey, keyIdIn, type KeyDirectory } from '../../infrastructure/kubernetes/keys';
import { BOOTSTRAP, type Principal } from './principal';

/** The result of checking a key: its principal, `invalid`, or `unavailable` while keys cannot be read. */
export type KeyCheck = Principal | 'invalid' | 'unavailable';

export interface Authentication {
  /** Checks what a client presented as its key. */
  byKey(presented: string | undefined): KeyCheck;
  /** Checks again whether a key that was already accepted is still valid: for sessions and open connections. */
  byId(keyId: string): KeyCheck;
}

/** Stands in for the digest of a key that does not exist: its refusal takes as long as that of a wrong key. */
const NO_KEY = Buffer.alloc(32);

/**
 * Accepts `API_KEY` and the keys of the directory. Compares digests, which all have the same length, so a
 * comparison takes the same time whatever was presented.
 * @param directory null without a cluster to store keys in: `API_KEY` is then the only key
 */
export function authentication(apiKey: string, directory: KeyDirectory | null): Authentication {
  const bootstrap = digestOfKey(apiKey);

  function byId(keyId: string): KeyCheck {
    if (keyId === BOOTSTRAP.keyId) return BOOTSTRAP;
    if (!directory) return 'invalid';
    if (!directory.current) return 'unavailable';
    const key = directory.find(keyId);
    if (!key) return 'invalid';
    const expiresAt = key.expiresAt === null ? null : Date.parse(key.expiresAt);
    if (expiresAt !== null && expiresAt <= Date.now()) return 'invalid';
    return { keyId, userId: key.userId, expiresAt };
  }

  return {
    byId,
    byKey(presented) {
      if (presented === undefined) return 'invalid';
      const digest = digestOfKey(presented);
      if (timingSafeEqual(digest, bootstrap)) return BOOTSTRAP;
      const keyId = keyIdIn(presented);
      if (keyId === undefined) return 'invalid';
      const matches = timingSafeEqual(digest, directory?.find(keyId)?.digest ?? NO_KEY);
      const check = byId(keyId);
      return matches || check === 'unavailable' ? check : 'invalid';
    },
  };
}
