/** How the egress proxy recognizes a user: docs/decisions/egress.md. The worker makes what the proxy verifies. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whose request it is, and with which plan. */
export interface EgressIdentity {
  userId: string;
  plan: string;
}

/**
 * User name and password for the egress proxy: `USER.PLAN` and its HMAC-SHA-256. Ids of users and names of plans are
 * DNS labels, and contain no dot.
 * @param key EGRESS_PROXY_KEY
 */
export function egressCredentials(key: string, { userId, plan }: EgressIdentity) {
  const username = `${userId}.${plan}`;
  return { username, password: signatureOf(key, username) };
}

/** Whose credentials these are; null if they are wrong. */
export function verifyEgressCredentials(
  key: string,
  username: string,
  password: string,
): EgressIdentity | null {
  const [userId, plan, ...rest] = username.split('.');
  if (!userId || !plan || rest.length > 0) return null;
  const expected = Buffer.from(signatureOf(key, username));
  const given = Buffer.from(password);
  return expected.length === given.length && timingSafeEqual(expected, given) ? { userId, plan } : null;
}

function signatureOf(key: string, username: string): string {
  return createHmac('sha256', key).update(`egress-proxy:${username}`).digest('base64url');
}
