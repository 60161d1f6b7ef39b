import type { IncomingMessage } from 'node:http';
import { parse, serialize } from 'cookie';

const PLAIN = 'orchestration_session';
/** Browsers accept this name only over TLS and from the host itself: no other host can set it for the page. */
const HOST_ONLY = `__Host-${PLAIN}`;

/** Names of cookies that hold a login. */
export const SESSION_COOKIES: readonly string[] = [PLAIN, HOST_ONLY];

/**
 * The token in a request's cookie. Over TLS, a cookie without the prefix is ignored: another host of the same site could
 * have set it.
 */
export function sessionTokenOf(request: IncomingMessage): string | undefined {
  return parse(request.headers.cookie ?? '')[nameFor(request)];
}

/** The value of Set-Cookie: a cookie that other sites cannot use and scripts cannot read. @param maxAge in seconds */
export function sessionCookie(request: IncomingMessage, token: string, maxAge: number): string {
  const secure = isOverTls(request);
  return serialize(nameFor(request), token, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure,
    maxAge,
  });
}

function nameFor(request: IncomingMessage): string {
  return isOverTls(request) ? HOST_ONLY : PLAIN;
}

/** Whether the browser's connection has TLS, which ends at a proxy. Of several proxies, the first one was asked by it. */
function isOverTls({ headers }: IncomingMessage): boolean {
  const [first = ''] = String(headers['x-forwarded-proto'] ?? '').split(',', 1);
  return first.trim().toLowerCase() === 'https';
}
