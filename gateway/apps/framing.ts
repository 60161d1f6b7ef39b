import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connectionOptions } from './hopByHop';

/**
 * How messages begin and end. Neither side is trusted: the framing of its messages is checked, and written
 * again.
 */

/** The client's request cannot be forwarded. */
export class RequestRefused extends Error {
  override name = 'RequestRefused';

  constructor(
    readonly status: 400 | 501,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The program's response cannot be forwarded. */
export class BadAnswer extends Error {
  override name = 'BadAnswer';
}

/** Status line and headers of a response to the client, before framing is added. */
export interface Head {
  status: number;
  reason: string;
  headers: IncomingHttpHeaders;
}

/**
 * Headers that a `Connection` header must not name: dropping them would change a message's meaning or end.
 */
const END_TO_END = ['content-length', 'transfer-encoding', 'host'];

/** Headers of a program's 101 response that the client needs (RFC 6455, section 4.2.2). */
const HANDSHAKE = ['sec-websocket-accept', 'sec-websocket-protocol', 'sec-websocket-extensions'];

/** Checks the framing of a request. @throws RequestRefused */
export function checkFraming(request: IncomingMessage, { isUpgrade }: { isUpgrade: boolean }): void {
  const { headers } = request;
  const named = connectionOptions(headers).find((name) => END_TO_END.includes(name));
  if (named !== undefined) throw new RequestRefused(400, `The header Connection must not name ${named}.`);
  if (!isChunkedOrPlain(headers))
    throw new RequestRefused(501, 'The only transfer coding that the gateway supports is chunked.');
  if (isUpgrade && hasBody(headers)) throw new RequestRefused(400, 'An upgrade must not have a body.');
}

export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Only the headers that define where the body of a request ends. */
export function framingOf({ method, headers }: IncomingMessage): IncomingHttpHeaders {
  if (headers['transfer-encoding'] !== undefined) return { 'transfer-encoding': 'chunked' };
  if (hasBody(headers)) return { 'content-length': headers['content-length'] };
  return method === 'GET' || method === 'HEAD' ? {} : { 'content-length': '0' };
}

/**
 * The head of a program's response.
 * @param prepare makes its headers safe for the client, in place @throws BadAnswer
 */
export function headOf(answer: IncomingMessage, prepare: (headers: IncomingHttpHeaders) => void): Head {
  const { statusCode: status = 0, statusMessage: reason = '', headers } = answer;
  if (status < 200 || status > 599) throw new BadAnswer(`the program answered with the status ${status}`);
  const coding = headers['transfer-encoding'];
  if (!isChunkedOrPlain(headers))
    throw new BadAnswer(`the program answered in the transfer coding ${coding}`);
  prepare(headers);
  if (coding !== undefined || status === 204) delete headers['content-length'];
  return checked({ status, reason, headers });
}

/** The head of a program's 101 response. @throws BadAnswer */
export function handshakeOf({ headers }: IncomingMessage): Head {
  if (headers.upgrade?.toLowerCase() !== 'websocket')
    throw new BadAnswer(`the program upgraded to ${headers.upgrade}, not to a WebSocket`);
  const kept = Object.fromEntries(
    HANDSHAKE.flatMap((name) => (name in headers ? [[name, headers[name]]] : [])),
  );
  return checked({
    status: 101,
    reason: 'Switching Protocols',
    headers: { connection: 'Upgrade', upgrade: 'websocket', ...kept },
  });
}

/** Renders a head as bytes, for a connection that Node's server has handed over. */
export function rendered({ status, reason, headers }: Head): Buffer {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`, 'latin1');
}

function isChunkedOrPlain({ 'transfer-encoding': coding }: IncomingHttpHeaders): boolean {
  return coding === undefined || coding.toLowerCase() === 'chunked';
}

function checked(head: Head): Head {
  try {
    validateHeaderValue('reason phrase', head.reason);
    for (const [name, value] of Object.entries(head.headers)) {
      validateHeaderName(name);
      for (const one of [value].flat()) validateHeaderValue(name, one as string);
    }
    return head;
  } catch (error) {
    throw new BadAnswer('the program answered with a head that is not HTTP', { cause: error });
  }
}
