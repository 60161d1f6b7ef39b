import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { compiledFile } from '../build';

/** A gateway in a separate process, because an uncaught error affects the whole process. */

const API_KEY = 'a key for the tests only';
const json = { headers: { 'X-API-Key': API_KEY, Accept: 'application/json' } };
let child: ChildProcess;
let url: string;
let ended: Promise<unknown[]>;
const lines: string[] = [];

async function start(drainAfterMs: number): Promise<void> {
  child = spawn(process.execPath, [compiledFile('test/gateway/uncaughtGateway.ts')], {
    env: { ...process.env, DRAIN_AFTER_MS: String(drainAfterMs) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  ended = once(child, 'exit');
  lines.length = 0;
  const read = createInterface({ input: child.stdout! });
  const [first] = (await once(read, 'line')) as [string];
  ({ url } = JSON.parse(first) as { url: string });
  read.on('line', (line) => lines.push(line));
}

afterEach(async () => {
  child.kill('SIGKILL');
  await ended;
});

const metric = async () =>
  /^gateway_uncaught_errors_total (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];

async function connected(): Promise<WebSocket> {
  const socket = new WebSocket(`${url}/ws/code`, { headers: { 'X-API-Key': API_KEY } });
  await once(socket, 'open');
  return socket;
}

test('an error that nobody caught ends its exchange alone, and is counted and logged with its stack', async () => {
  await start(600_000);
  const other = await connected();
  let met = 0;
  for (const where of ['a-timer', 'a-promise', 'a-callback']) {
    const response = await fetch(`${url}/apps/${where}/`, json);
    expect([response.status, response.headers.get('connection')]).toEqual([500, 'close']);
    expect(await response.json()).toMatchObject({ type: 'error', code: 'internal' });
    expect(await metric()).toBe(String(++met));
    const logged = lines.find(
      (line) => line.includes(`a bug in ${where}`) && line.includes('uncaught error'),
    );
    expect(JSON.parse(logged!)).toMatchObject({ level: 60, err: { stack: /uncaughtGateway/ } });
  }

  // A body that arrives later is read in events of the connection, not of the request.
  const late = request(`${url}/api/submissions`, {
    method: 'POST',
    headers: { ...json.headers, 'Content-Type': 'application/json' },
  });
  late.flushHeaders();
  await wait(200);
  late.end(JSON.stringify({ user_id: 'test', code: 'pass' }));
  const [answer] = (await once(late, 'response')) as [IncomingMessage];
  expect([answer.statusCode, answer.headers.connection]).toEqual([500, 'close']);
  answer.resume();

  const upgrade = new WebSocket(`${url.replace('http', 'ws')}/apps/a-timer/`);
  upgrade.on('error', () => undefined);
  const [, refused] = (await once(upgrade, 'unexpected-response')) as [unknown, { statusCode: number }];
  expect(refused.statusCode).toBe(500);

  const socket = await connected();
  socket.send(JSON.stringify({ type: 'list' }));
  expect((await once(socket, 'close'))[0]).toBe(1011);
  expect(await metric()).toBe('6');

  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  other.send('{');
  expect(JSON.parse(String((await once(other, 'message'))[0]))).toMatchObject({ code: 'invalid_json' });
  other.terminate();
}, 120_000);

test('afterwards the process drains in order: clients are told to come back elsewhere', async () => {
  await start(100);
  const client = await connected();
  const closed = once(client, 'close');
  expect((await fetch(`${url}/apps/a-timer/`, json)).status).toBe(500);
  expect((await closed)[0]).toBe(1001);
  expect(await ended).toEqual([3, null]);
}, 120_000);
