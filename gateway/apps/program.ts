import http from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { BadAnswer, framingOf, RequestRefused } from './framing';

/** Where a request goes, and what it may bring back. */
export interface Destination {
  /** URL of the program, without a path. */
  target: string;
  /** Path and query to ask for. */
  path: string;
  /** Headers to send, without those that concern the connection. */
  headers: IncomingHttpHeaders;
  /** Makes the headers of an answer fit for the client, in place. */
  prepareAnswer: (headers: IncomingHttpHeaders) => void;
  /** Longest time without a byte before and during the answer, in milliseconds. */
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
      agent: false, // A kept connection would lead to a pod that a deploy has replaced.
    });
    outgoing.on('error', () => undefined); // Until the caller listens; later, reading the answer fails.
    outgoing.flushHeaders(); // Here and not in an event handler, where an exception would have no handler.
    return outgoing;
  } catch (error) {
    outgoing?.destroy();
    const cause = error instanceof Error ? error.message : String(error);
    throw new RequestRefused(400, `The request cannot be passed on: ${cause}.`, { cause: error });
  }
}

export interface Answered {
  answer: IncomingMessage;
  /** The connection after a 101 that was asked for. */
  tunnel?: { socket: Socket; head: Buffer };
}

/** Resolves when the head of the answer has come. @throws BadAnswer, or the connection's Error */
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
    outgoing.on('response', (answer) => resolve({ answer }));
    if (isWebSocket)
      outgoing.on('upgrade', (answer, socket: Socket, head) => {
        socket.on('error', onError);
        resolve({ answer, tunnel: { socket, head } });
      });
    // Without an error: after a 101 that was not asked for.
    outgoing.on('close', () => reject(new BadAnswer('the program ended the connection without an answer')));
  });
  // Bytes behind the answer that are not HTTP, such as a body behind a 304, were met in the same read.
  if (failure) {
    answered.tunnel?.socket.destroy();
    throw failure;
  }
  return answered;
}
