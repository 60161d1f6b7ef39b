import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { handshakeOf, hasBody, headOf, rendered } from './framing';
import { answerTo, requestTo, type Destination } from './program';

/**
 * Forwards requests to a program. These functions check and render each head themselves, so that an exception
 * only rejects their promise.
 */

/** How much longer than a response a WebSocket may be silent. */
const WEB_SOCKET_IDLE = 5;

/**
 * Forwards a request to the program, and the response to the client.
 * @throws RequestRefused, BadAnswer, or the connection's Error; nothing was sent to the client unless
 * `headersSent`
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  to: Destination,
): Promise<void> {
  if (response.destroyed) return; // The client has disconnected.
  const outgoing = requestTo(request, to);
  response.once('close', () => outgoing.destroy());
  try {
    const answered = answerTo(outgoing, to);
    if (hasBody(request.headers)) request.pipe(outgoing);
    else outgoing.end();
    const { answer } = await answered;
    const { status, reason, headers } = headOf(answer, to.prepareAnswer);
    response.writeHead(status, reason, headers);
    await pipeline(answer, response);
  } finally {
    outgoing.destroy();
    // Read and discard the rest of a body that the program did not read.
    request.unpipe(outgoing);
    request.resume();
  }
}

/**
 * Forwards an upgrade to a WebSocket. Any other upgrade is forwarded as a plain request.
 * @param onBroken called with the error of a connection that breaks after the response has started
 * @throws RequestRefused, BadAnswer, or the connection's Error, if nothing was sent to the client yet
 */
export async function forwardUpgrade(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  to: Destination & { onBroken: (error: unknown) => void },
): Promise<void> {
  if (client.destroyed) return;
  const isWebSocket = request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
  const outgoing = requestTo(request, to, { isWebSocket });
  client.once('close', () => outgoing.destroy());
  let program: Duplex | undefined;
  let begun = false;
  try {
    const answered = answerTo(outgoing, { ...to, isWebSocket });
    outgoing.end();
    const { answer, tunnel } = await answered;
    program = tunnel?.socket;
    const begin = tunnel ? handshakeOf(answer) : headOf(answer, to.prepareAnswer);
    if (!tunnel) begin.headers.connection = 'close';
    begun = true;
    client.write(rendered(begin));
    if (!tunnel) return await pipeline(answer, client);
    if (head.length > 0) client.unshift(head);
    if (tunnel.head.length > 0) tunnel.socket.unshift(tunnel.head);
    for (const socket of [client as Socket, tunnel.socket])
      socket.setTimeout(to.idleTimeoutMs * WEB_SOCKET_IDLE, () => socket.destroy()).setKeepAlive(true);
    await Promise.all([pipeline(client, tunnel.socket), pipeline(tunnel.socket, client)]);
  } catch (error) {
    if (!begun) throw error;
    to.onBroken(error);
  } finally {
    outgoing.destroy();
    program?.destroy();
    if (begun) client.destroy();
  }
}
