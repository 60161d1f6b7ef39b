import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { SESSION_COOKIES } from '../auth/sessionCookie';
import { dropHopByHop } from './hopByHop';

/**
 * Headers of a client's request for the program: without credentials of the gateway, and with the client's
 * address.
 * @param prefix what stands before the path at the gateway; empty at the program's own origin
 * @param mayBeKey whether a text is a key of the gateway, or this is unknown
 */
export function requestHeaders(
  request: IncomingMessage,
  prefix: string,
  mayBeKey: (text: string | undefined) => boolean,
): IncomingHttpHeaders {
  const { socket } = request;
  const headers = { ...request.headers };
  dropHopByHop(headers);
  delete headers.expect; // Node has already handled it.
  const isOwnOrigin = prefix === '';
  const apiKey = headers['x-api-key'];
  // Node joins several headers of one name with commas.
  if (!isOwnOrigin || [apiKey, ...String(apiKey).split(/, ?/)].flat().some(mayBeKey))
    delete headers['x-api-key'];
  const cookie = isOwnOrigin && withoutSession(headers.cookie);
  if (cookie) headers.cookie = cookie;
  else delete headers.cookie;
  if (credentialsIn(headers.authorization).some(mayBeKey)) delete headers.authorization;

  const before = headers['x-forwarded-for'];
  const from = socket.remoteAddress ?? 'unknown';
  headers['x-forwarded-for'] = before ? `${String(before)}, ${from}` : from;
  headers['x-forwarded-proto'] ??= 'http';
  if (isOwnOrigin) {
    // The host decided which program is asked.
    headers['x-forwarded-host'] = headers.host ?? '';
    delete headers['x-forwarded-prefix'];
  } else {
    headers['x-forwarded-host'] ??= headers.host ?? '';
    headers['x-forwarded-prefix'] = prefix;
  }
  return headers;
}

/** A browser does not send the page's cookie to another host, but a client can. */
function withoutSession(cookie = ''): string {
  const isSession = (pair: string) => SESSION_COOKIES.includes(pair.split('=', 1)[0]?.trim() ?? '');
  return cookie
    .split(';')
    .filter((pair) => !isSession(pair))
    .join(';')
    .trim();
}

/**
 * Every text in an Authorization header that may be a key: the whole value, its token, or either part of
 * Basic.
 */
function credentialsIn(authorization = ''): string[] {
  const token = authorization.slice(authorization.indexOf(' ') + 1).trim();
  const basic = Buffer.from(token, 'base64').toString();
  const parts = [basic.indexOf(':'), basic.lastIndexOf(':')]
    .filter((colon) => colon >= 0)
    .flatMap((colon) => [basic.slice(0, colon), basic.slice(colon + 1)]);
  return [authorization, token, token.split(' ').at(-1) ?? '', basic, ...parts];
}
