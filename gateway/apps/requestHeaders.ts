import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { dropHopByHop } from './hopByHop';

/**
 * Headers of a client's request for the program: without credentials of the gateway, and with the client's
 * address.
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
  delete headers['x-api-key'];
  delete headers.cookie;
  if (credentialsIn(headers.authorization).some(mayBeKey)) delete headers.authorization;

  const before = headers['x-forwarded-for'];
  const from = socket.remoteAddress ?? 'unknown';
  headers['x-forwarded-for'] = before ? `${String(before)}, ${from}` : from;
  headers['x-forwarded-proto'] ??= 'http';
  headers['x-forwarded-host'] ??= headers.host ?? '';
  headers['x-forwarded-prefix'] = prefix;
  return headers;
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
