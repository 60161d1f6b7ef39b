import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Authentication, KeyCheck } from './authentication';
import type { Principal } from './principal';

/** How long a login lasts, in milliseconds. */
export const SESSION_MS = 12 * 3_600_000;

/** Sessions of browsers, valid on every gateway with the same `API_KEY`. */
export interface Sessions {
  issue(principal: Principal): { token: string; expiresAt: number };
  read(token: string): KeyCheck;
}

/**
 * A session is `KEY_ID.EXPIRES.MAC`: nothing is stored, and nothing in it is secret. The key is looked up each
 * time, so a session ends with its key.
 */
export function createSessions(apiKey: string, keys: Authentication): Sessions {
  const secret = Buffer.from(hkdfSync('sha256', apiKey, '', 'orchestration-app sessions 1', 32));
  const macOf = (text: string) => createHmac('sha256', secret).update(text).digest();

  return {
    issue({ keyId, expiresAt: keyExpiresAt }) {
      const expiresAt = Math.min(Date.now() + SESSION_MS, keyExpiresAt ?? Infinity);
      const content = `${keyId}.${expiresAt}`;
      return { token: `${content}.${macOf(content).toString('base64url')}`, expiresAt };
    },

    read(token) {
      const [, content = '', keyId = '', expires, mac = ''] = /^((\w+)\.(\d+))\.([\w-]+)$/.exec(token) ?? [];
      const presented = Buffer.from(mac, 'base64url');
      const expected = macOf(content);
      if (presented.length !== expected.length || !timingSafeEqual(presented, expected)) return 'invalid';
      if (Number(expires) <= Date.now()) return 'invalid';
      const check = keys.byId(keyId);
      return typeof check === 'string' ? check : { ...check, expiresAt: Number(expires) };
    },
  };
}
