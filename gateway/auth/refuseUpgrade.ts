import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Refusal } from './access';

/** Answers a refused upgrade over HTTP and ends its connection. */
export function refuseUpgrade(socket: Duplex, { refused }: { refused: Refusal }): void {
  const { status, retryAfterSeconds, ...body } = refused;
  const text = `${JSON.stringify(body)}\n`;
  // Destroy the socket once the response is sent: a client that keeps its half open would hold it forever.
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      ...(retryAfterSeconds === undefined ? [] : [`Retry-After: ${retryAfterSeconds}`]),
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(text)}`,
      '',
      text,
    ].join('\r\n'),
  );
}
