import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { measure, perSecond } from './measure';

/** An upper bound for the files that this process keeps open besides its sockets. */
const OTHER_FILES = 500;
/** How many connections are opened concurrently. */
const OPENING = 100;
/** How long to wait for a frame or a pong, in milliseconds. */
const PATIENCE_MS = 60_000;

/** How many connections the limit of open files allows. At its start Node raises it to the hard limit. */
export function mostConnections(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === undefined ? Infinity : Number(soft) - OTHER_FILES;
}

export async function connect(url: string, key: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers: { 'X-API-Key': key }, perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

/** Opens `count` connections; `rate` is how many were opened per second. */
export async function open(url: string, key: string, count: number) {
  const sockets: WebSocket[] = [];
  const rate = perSecond(await measure(count, OPENING, async () => sockets.push(await connect(url, key))));
  return { sockets, rate };
}

export async function closeAll(sockets: WebSocket[]): Promise<void> {
  await Promise.all(
    sockets.map(async (socket) => {
      if (socket.readyState === socket.CLOSED) return;
      socket.terminate();
      await once(socket, 'close');
    }),
  );
}

export async function ping(socket: WebSocket): Promise<void> {
  const answer = once(socket, 'pong', { signal: AbortSignal.timeout(PATIENCE_MS) });
  socket.ping();
  await answer;
}

/** Sends a message and waits for the first frame after it. */
export async function firstFrame(socket: WebSocket, message: object): Promise<Record<string, unknown>> {
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) }) as Promise<[Buffer]>;
  socket.send(JSON.stringify(message));
  return JSON.parse((await answer)[0].toString()) as Record<string, unknown>;
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
