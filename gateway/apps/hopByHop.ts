import type { IncomingHttpHeaders } from 'node:http';

/**
 * Headers of a single connection, not of the message. The gateway adds its own framing to each message that
 * it forwards.
 */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** The names in a Connection header, in lower case. */
export function connectionOptions({ connection = '' }: IncomingHttpHeaders): string[] {
  return connection.split(',').map((name) => name.trim().toLowerCase());
}

/** Removes the headers that belong to the connection on which a message arrived, in place. */
export function dropHopByHop(headers: IncomingHttpHeaders): void {
  for (const name of [...connectionOptions(headers), ...HOP_BY_HOP]) delete headers[name];
}
