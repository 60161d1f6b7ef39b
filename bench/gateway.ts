import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { httpUrl } from '../test/integration/contract';
import { kubectl } from '../test/integration/kubectl';
import { startPlatform, type Platform } from '../test/integration/platform';
import { startProcess } from '../test/integration/process';
import { OrchestrationClient } from '../client';
import { closeAll, connect, firstFrame, mostConnections, open, ping, residentBytes } from './connections';
import { measure, ms, percentile, table } from './measure';

/**
 * Ten thousand idle connections, five hundred that follow a program which prints, and the latencies that a
 * single client sees meanwhile. The baseline of memory and connection rate is a bare `ws` server; the
 * baseline of latencies is the same gateway when idle.
 */

const IDLE = 10_000;
const STREAMING = 500;
const SAMPLES = 100;
const USER = 'bench-gateway';
/** How long the output is observed, in milliseconds. */
const STREAM_MS = 10_000;

/** Prints the time, ten times per second, until it is cancelled. */
const PRINTING = 'import time\nwhile True:\n    print(time.time(), flush=True)\n    time.sleep(0.1)';

interface Side {
  name: string;
  url: string;
  key: string;
  pid: number;
}

export async function benchGateway(): Promise<void> {
  const most = mostConnections();
  const idle = Math.min(IDLE, most - STREAMING);
  console.log(`${idle} idle and ${STREAMING} streaming; the limit of open files allows ${most} connections.`);
  const echo = await startProcess('bench/echoServer.ts', 'echo ready', {});
  const platform = await startPlatform({ RUN_WALL_SECONDS: '600' });
  try {
    const { url, apiKey: key, gatewayPid } = platform;
    const gateway: Side = { name: 'gateway', url, key, pid: gatewayPid };
    const bare: Side = { name: 'bare ws', url: String(echo.ready.url), key: '', pid: echo.pid };
    const connecting = [];
    const { row, sockets: bareSockets } = await fill(bare, idle);
    connecting.push(row);
    await closeAll(bareSockets);

    await judged(platform); // creates the pod
    const alone = await latencies(platform, 1);
    const filled = await fill(gateway, idle);
    connecting.push(filled.row);
    const crowded = await latencies(platform, STREAMING);
    await closeAll(filled.sockets);

    table(['connecting', 'connections', 'a second', 'ping p50 ms', 'p95 ms', 'KiB each'], connecting);
    console.log();
    table(
      ['one client of the gateway', 'alone p50 ms', 'p95 ms', 'among all p50 ms', 'p95 ms'],
      Object.keys(alone).map((name) => [name, ...quantiles(alone[name]!), ...quantiles(crowded[name]!)]),
    );
  } finally {
    await Promise.all([platform.stop(), echo.stop()]);
    await kubectl('delete', 'namespace', `user-${USER}`, '--wait=false');
  }
}

const quantiles = (values: number[]) => [0.5, 0.95].map((share) => ms(percentile(values, share)));

/** Opens connections, pings over some of them, and measures the memory that each takes. */
async function fill({ name, url, key, pid }: Side, count: number) {
  const before = residentBytes(pid);
  const { sockets, rate } = await open(url, key, count);
  await wait(2_000); // until the garbage of the handshakes is collected
  const each = (residentBytes(pid) - before) / count / 1024;
  let next = 0;
  const pings = await measure(SAMPLES, 1, () => ping(sockets[next++ % sockets.length]!));
  const row = [name, count, rate.toFixed(0), ...quantiles(pings.durations), each.toFixed(1)];
  return { row, sockets };
}

/** Measures the latencies of single clients while `followers` connections follow a program that prints. */
async function latencies(platform: Platform, followers: number): Promise<Record<string, number[]>> {
  const { url, apiKey: key } = platform;
  const id = randomUUID();
  const socket = await connect(url, key);
  const client = new OrchestrationClient({ url: httpUrl(url), key });
  await client.submit({ user_id: USER, code: PRINTING, submission_id: id });
  const { sockets } = await open(url, key, followers);
  try {
    const delays = collectDelays(sockets);
    for (const each of sockets) each.send(JSON.stringify({ type: 'resume', submission_id: id }));
    await wait(STREAM_MS / 2); // earlier output is sent at once
    delays.length = 0;
    await wait(STREAM_MS);
    const fanOut = [...delays];
    if (fanOut.length < followers) throw new Error(`${fanOut.length} frames of output for ${followers}.`);
    const pings = await measure(SAMPLES, 1, () => ping(socket));
    const accepted = await measure(SAMPLES / 5, 1, () => accept(platform));
    return {
      'printed to received': fanOut,
      'ping to pong': pings.durations,
      'submit to first progress': accepted.durations,
    };
  } finally {
    await client.cancel(id);
    await closeAll([socket, ...sockets]);
  }
}

/** Collects the delay of every frame, from the time that the program printed. Both use the same clock. */
function collectDelays(sockets: WebSocket[]): number[] {
  const delays: number[] = [];
  for (const socket of sockets)
    socket.on('message', (data: Buffer) => {
      const { type, text } = JSON.parse(data.toString()) as Record<string, unknown>;
      if (type !== 'output') return;
      const [last] = String(text).trim().split('\n').slice(-1);
      delays.push(Date.now() - Number(last) * 1000);
    });
  return delays;
}

/**
 * Uses a new connection each time, so that frames of earlier submissions are not mixed with the awaited one.
 */
async function accept({ url, apiKey: key }: Platform): Promise<void> {
  const socket = await connect(url, key);
  try {
    const frame = await firstFrame(socket, { user_id: USER, code: 'raise SystemExit(1)' });
    if (frame.type !== 'accepted') throw new Error(`The first frame was ${JSON.stringify(frame)}.`);
  } finally {
    await closeAll([socket]);
  }
}

async function judged({ url, apiKey: key }: Platform): Promise<void> {
  const client = new OrchestrationClient({ url: httpUrl(url), key });
  const { submission_id: id } = await client.submit({ user_id: USER, code: 'raise SystemExit(1)' });
  for await (const frame of client.follow(id, { signal: AbortSignal.timeout(600_000) }))
    if ('status' in frame && frame.status !== 'tests_failed') throw new Error(JSON.stringify(frame));
}
