import { setTimeout as wait } from 'node:timers/promises';
import WebSocket from 'ws';
import type { FaultsOf } from '../integration/contract';
import type { Frame } from '../integration/client';
import type { Random } from './random';

/** What a client received of a submission, over all its connections. */
export interface Followed {
  /** In the order of arrival, without frames that have no cursor. */
  frames: Frame[];
  final: Frame | null;
  connections: number;
  /**
   * What should not have been received: errors that no outage explains, and frames that violate the contract.
   */
  complaints: string[];
}

export interface Following {
  urls: string[];
  apiKey: string;
  submissionId: string;
  /** Sent until a frame has arrived; null to follow an earlier submission from the beginning. */
  message: object | null;
  /** Null for a client that never drops a connection by itself. */
  drops: Random | null;
  /** Milliseconds since the epoch. */
  deadline: number;
  faultsOf: FaultsOf;
  onFrame?: (frame: Frame) => void;
}

/** Codes of error frames after which a client should retry. */
const ASK_AGAIN = new Set(['unavailable', 'internal', 'too_many_in_flight']);

const CONNECT_WITHIN_MS = 5_000;
/**
 * How long a gateway may leave a ping unanswered before the client switches to another one, in milliseconds.
 */
const SILENCE_MS = 10_000;
const PING_EVERY_MS = 3_000;
const PAUSE_MS = 300;

/** Follows a submission to its final frame. Drops connections, and resumes at another gateway. */
export async function follow(following: Following): Promise<Followed> {
  const followed: Followed = { frames: [], final: null, connections: 0, complaints: [] };
  for (let turn = 0; followed.final === null && Date.now() < following.deadline; turn++) {
    followed.connections++;
    const url = following.urls[turn % following.urls.length]!;
    const ended = await connection(url, following, followed);
    if (ended === 'failed') await wait(PAUSE_MS);
  }
  return followed;
}

async function connection(
  url: string,
  { apiKey, submissionId, message, drops, deadline, faultsOf, onFrame }: Following,
  followed: Followed,
): Promise<'dropped' | 'failed'> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws/code`, {
    headers: { 'X-API-Key': apiKey },
    handshakeTimeout: CONNECT_WITHIN_MS,
  });
  const over = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  let ended: 'dropped' | 'failed' = 'failed';
  const drop = () => {
    ended = 'dropped';
    socket.terminate();
  };
  let heard = Date.now();
  socket.on('error', () => socket.terminate());
  socket.on('pong', () => (heard = Date.now()));
  const timers = [
    setInterval(() => {
      if (Date.now() - heard > SILENCE_MS || Date.now() > deadline) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, PING_EVERY_MS),
  ];
  if (drops?.chance(0.3)) timers.push(setTimeout(drop, drops.between(5, 4_000)));
  socket.on('open', () => {
    const cursor = followed.frames.at(-1)?.cursor;
    const asks =
      cursor === undefined && message !== null
        ? message
        : { type: 'resume', submission_id: submissionId, cursor };
    socket.send(JSON.stringify(asks));
  });
  socket.on('message', (data: Buffer) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    const frame = JSON.parse(data.toString()) as Frame;
    const faults = faultsOf(frame);
    if (faults) followed.complaints.push(`${data.toString().slice(0, 300)} is against the schema: ${faults}`);
    if (frame.type === 'error') {
      if (!ASK_AGAIN.has(frame.code as string)) {
        followed.complaints.push(`was refused: ${String(frame.code)}: ${String(frame.message)}`);
        followed.final = frame;
      }
      socket.terminate();
      return;
    }
    if (frame.cursor === undefined) return;
    followed.frames.push(frame);
    onFrame?.(frame);
    if ('status' in frame) {
      followed.final = frame;
      drop();
    } else if (drops?.chance(0.04)) drop();
  });
  await over;
  for (const timer of timers) clearInterval(timer);
  return ended;
}
