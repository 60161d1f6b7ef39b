import type { IncomingHttpHeaders } from 'node:http';

/** Headers of one connection and not of the message: the gateway frames each message that it passes on anew. */
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

/** Removes, in place, what concerns the connection that a message came by. */
export function dropHopByHop(headers: IncomingHttpHeaders): void {
  for (const name of [...connectionOptions(headers), ...HOP_BY_HOP]) delete headers[name];
}
