import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { linkedAbort } from '../../infrastructure/linkedAbort';
import type { ApiReply, ApiRequest } from './apiTypes';

/** The client reads too slowly. */
export class Stalled extends Error {
  override name = 'Stalled';
}

/**
 * Writes a chunk, and resolves when the response accepts another: at most one chunk waits in memory.
 * @throws Stalled if that takes longer than `timeoutMs`
 */
export async function writePiece(
  response: ServerResponse,
  piece: string | Buffer,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<void> {
  if (signal.aborted || response.write(piece)) return;
  const inTime = linkedAbort([signal], timeoutMs);
  try {
    await once(response, 'drain', { signal: inTime.signal });
  } catch (error) {
    if (signal.aborted) return;
    throw inTime.signal.aborted ? new Stalled(`nothing was read for ${timeoutMs} ms`) : error;
  } finally {
    inTime.abort();
  }
}

/** Headers of a stream. No proxy may buffer or cache it, and its connection closes when it ends. */
const STREAM_HEADERS = {
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
  Connection: 'close',
};

/**
 * Begins a response, and lets `work` write and end it. If that fails, the connection breaks: the client can see that the
 * response is not complete.
 */
export async function sendStream(
  { log, abortSignal }: ApiRequest,
  reply: ApiReply,
  contentType: string,
  work: (response: ServerResponse) => Promise<void>,
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  try {
    response.writeHead(200, { ...STREAM_HEADERS, 'Content-Type': contentType });
    await work(response);
  } catch (error) {
    log[abortSignal.aborted ? 'info' : 'error']({ err: error }, 'failed while sending a response');
    response.destroy();
  }
}
