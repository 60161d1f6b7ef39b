import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import WebSocket from 'ws';
import type { Frame } from '../../integration/client';

/** Timeout in milliseconds for one submission, regardless of broken connections. */
const PATIENCE_MS = 150_000;

/** What a client received of one submission. */
export interface Seen {
  submissionId: string;
  frames: Frame[];
  /** How often the connection broke or was refused before the end. */
  breaks: number;
  /** From the first attempt to the final frame. */
  ms: number;
}

/**
 * Submits as a persistent client does: it sends the same submission again until it is accepted, and then
 * resumes after its last cursor, on a new connection each time.
 */
export async function submitPersistently(
  { url, apiKey }: { url: string; apiKey: string },
  submission: { user_id: string; code: string; submission_id: string },
): Promise<Seen> {
  const { submission_id } = submission;
  const seen: Seen = { submissionId: submission_id, frames: [], breaks: 0, ms: 0 };
  const started = Date.now();
  for (;;) {
    const cursor = seen.frames.findLast((frame) => frame.cursor !== undefined)?.cursor;
    const message = cursor === undefined ? submission : { type: 'resume', submission_id, cursor };
    const isOver = await goesOn(url, apiKey, message, seen);
    seen.ms = Date.now() - started;
    if (isOver) return seen;
    seen.breaks++;
    if (seen.ms > PATIENCE_MS) throw new Error(`${submission_id} did not end: ${JSON.stringify(seen)}`);
    await wait(100);
  }
}

/** Uses one connection. @returns whether the final frame arrived */
async function goesOn(url: string, apiKey: string, message: object, { frames }: Seen): Promise<boolean> {
  const socket = new WebSocket(url, { headers: { 'X-API-Key': apiKey }, handshakeTimeout: 5_000 });
  let isOver = false;
  // A connection that is refused or breaks also emits `close`.
  socket.on('error', () => undefined);
  socket.on('open', () => socket.send(JSON.stringify(message)));
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Frame;
    // `unavailable` is sent while Temporal cannot be reached: the client should retry.
    if (frame.type !== 'error') frames.push(frame);
    isOver ||= 'status' in frame;
    if (isOver || frame.type === 'error') socket.close();
  });
  const silence = setTimeout(() => socket.terminate(), PATIENCE_MS);
  await once(socket, 'close');
  clearTimeout(silence);
  return isOver;
}
