import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';

/** The IP address of the client that sent a request; undefined if the connection has already closed. */
export type ClientAddress = (request: IncomingMessage) => string | undefined;

/**
 * Behind trusted proxies, it is the last address in `X-Forwarded-For` that is not a trusted proxy. Addresses
 * before it, and the whole header from any other sender, can be forged.
 * @param trustedProxies addresses, ranges, `loopback`, `linklocal`, `uniquelocal`; without any, the header is
 * ignored
 */
export function clientAddress(trustedProxies: string[] = []): ClientAddress {
  const isTrusted = proxyAddr.compile(trustedProxies);
  return (request) => {
    const told = proxyAddr(request, isTrusted);
    // A proxy may send a word in place of the client's address.
    const address = isIP(told ?? '') ? told : request.socket.remoteAddress;
    return address?.replace(/^::ffff:/, '');
  };
}
