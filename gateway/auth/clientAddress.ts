import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';

/** The IP address of who sent a request; undefined when the connection is gone already. */
export type ClientAddress = (request: IncomingMessage) => string | undefined;

/**
 * Behind proxies that are trusted, it is the last address of `X-Forwarded-For` that is none of theirs: what stands
 * before it, and the whole header from anybody else, can be invented.
 * @param trustedProxies addresses, ranges, `loopback`, `linklocal`, `uniquelocal`; none believes no header
 */
export function clientAddress(trustedProxies: string[] = []): ClientAddress {
  const isTrusted = proxyAddr.compile(trustedProxies);
  return (request) => {
    const told = proxyAddr(request, isTrusted);
    // A proxy may hide its client behind a word.
    const address = isIP(told ?? '') ? told : request.socket.remoteAddress;
    return address?.replace(/^::ffff:/, '');
  };
}
