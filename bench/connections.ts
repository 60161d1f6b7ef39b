import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { measure, perSecond } from './measure';

/** Files that this process keeps open beside its sockets, at most. */
const OTHER_FILES = 500;
/** Connections that are being opened at the same time. */
const OPENING = 100;
/** How long a frame or a pong is waited for, in milliseconds. */
const PATIENCE_MS = 60_000;

/** What the limit of open files leaves for connections; Node has raised it to the hard limit at its start. */
export function mostConnections(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === undefined ? Infinity : Number(soft) - OTHER_FILES;
}

export async function connect(url: string, key: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers: { 'X-API-Key': key }, perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

/** Opens so many, and tells how many a second were opened. */
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

/** Memory of a process that is in RAM, in bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
