import http from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { BadAnswer, framingOf, RequestRefused } from './framing';

/** Where to forward a request, and what to do with the response. */
export interface Destination {
  /** URL of the program, without a path. */
  target: string;
  /** Path and query of the forwarded request. */
  path: string;
  /** Headers to send, without hop-by-hop headers. */
  headers: IncomingHttpHeaders;
  /** Makes the headers of a response safe for the client, in place. */
  prepareAnswer: (headers: IncomingHttpHeaders) => void;
  /** Longest time without a byte before and during the response, in milliseconds. */
  idleTimeoutMs: number;
}

const TO_A_WEBSOCKET = { connection: 'Upgrade', upgrade: 'websocket' };

/** Renders and sends the head of a request. @throws RequestRefused */
export function requestTo(
  request: IncomingMessage,
  { target, path, headers, idleTimeoutMs }: Destination,
  { isWebSocket = false } = {},
): ClientRequest {
  const url = new URL(target);
  let outgoing: ClientRequest | undefined;
  try {
    outgoing = (url.protocol === 'https:' ? https : http).request(url, {
      ...{ method: request.method ?? 'GET', path, timeout: idleTimeoutMs },
      headers: { ...headers, ...framingOf(request), ...(isWebSocket && TO_A_WEBSOCKET) },
      agent: false, // A reused connection could lead to a pod that was replaced.
    });
    outgoing.on('error', () => undefined); // Until the caller listens. Later, reading the response fails.
    outgoing.flushHeaders(); // Not in an event handler, where nothing would catch an exception.
    return outgoing;
  } catch (error) {
    outgoing?.destroy();
    const cause = error instanceof Error ? error.message : String(error);
    throw new RequestRefused(400, `The request cannot be passed on: ${cause}.`, { cause: error });
  }
}

export interface Answered {
  answer: IncomingMessage;
  /** The connection after a requested 101. */
  tunnel?: { socket: Socket; head: Buffer };
}

/** Resolves when the head of the response has arrived. @throws BadAnswer, or the connection's Error */
export async function answerTo(
  outgoing: ClientRequest,
  { idleTimeoutMs, isWebSocket = false }: { idleTimeoutMs: number; isWebSocket?: boolean },
): Promise<Answered> {
  let failure: Error | undefined;
  const answered = await new Promise<Answered>((resolve, reject) => {
    const onError = (error: Error) => {
      failure ??= error;
      reject(error);
    };
    outgoing.on('error', onError);
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`the program sent nothing for ${idleTimeoutMs} ms`)),
    );
    // A head that arrives byte by byte is never idle.
    let late: NodeJS.Timeout | undefined;
    let isAnswered = false;
    const endDeadline = () => {
      isAnswered = true;
      clearTimeout(late);
    };
    outgoing.on('finish', () => {
      if (isAnswered) return;
      late = setTimeout(
        () => outgoing.destroy(new Error(`the program did not answer within ${idleTimeoutMs} ms`)),
        idleTimeoutMs,
      );
    });
    for (const event of ['response', 'close']) outgoing.on(event, endDeadline);
    outgoing.on('response', (answer) => resolve({ answer }));
    if (isWebSocket)
      outgoing.on('upgrade', (answer, socket: Socket, head) => {
        endDeadline();
        socket.on('error', onError);
        resolve({ answer, tunnel: { socket, head } });
      });
    // This happens without an error after a 101 that was not requested.
    outgoing.on('close', () => reject(new BadAnswer('the program ended the connection without an answer')));
  });
  // The same read contained bytes after the response that are not HTTP, such as a body after a 304.
  if (failure) {
    answered.tunnel?.socket.destroy();
    throw failure;
  }
  return answered;
}
