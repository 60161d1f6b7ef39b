import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { handshakeOf, hasBody, headOf, rendered } from './framing';
import { answerTo, requestTo, type Destination } from './program';

/**
 * Passes requests on to a program. Each head is checked and rendered inside these functions, so that an exception
 * rejects their promise and nothing else.
 */

/**
 * Sends a request to the program and its answer to the client.
 * @throws RequestRefused, BadAnswer, or the connection's Error; the client has got nothing unless `headersSent`
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  to: Destination,
): Promise<void> {
  if (response.destroyed) return; // The client has gone.
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
    // Of a body that the program did not want, the rest is read and dropped.
    request.unpipe(outgoing);
    request.resume();
  }
}

/**
 * The same for an upgrade; only to a WebSocket, anything else is passed on as a plain request.
 * @param onBroken gets the error of a connection that breaks after its answer has begun
 * @throws RequestRefused, BadAnswer, or the connection's Error, when the client has got nothing yet
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
    for (const socket of [client as Socket, tunnel.socket]) socket.setTimeout(0).setKeepAlive(true);
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
