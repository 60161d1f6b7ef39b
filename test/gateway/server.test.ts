import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import pino from 'pino';
import { WebSocket } from 'ws';
import { DEFAULT_LIMITS, type Limits } from '../../gateway/limits';
import { serverFrame } from '../../gateway/protocol/serverFrames';
import { startServer, type RunningServer } from '../../gateway/server';
import { FakeSubmissions, FLOOD_BYTES } from './fakeSubmissions';
import { rules } from './protocol/rules';

const API_KEY = 'a key for the tests only';
const logged: string[] = [];
const logger = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });

let submissions: FakeSubmissions;
let server: RunningServer;
const clients: WebSocket[] = [];

async function start(limits: Partial<Limits> = {}): Promise<void> {
  submissions = new FakeSubmissions();
  server = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    { submissions, rules, logger, limits: { ...DEFAULT_LIMITS, ...limits } },
  );
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await server.close();
});

class Client {
  readonly frames: Record<string, unknown>[] = [];
  readonly closed: Promise<[code: number, reason: Buffer]>;
  private arrived: () => void = () => undefined;

  constructor(readonly socket: WebSocket) {
    this.closed = once(socket, 'close') as Promise<[number, Buffer]>;
    socket.on('message', (data) => {
      this.frames.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>);
      this.arrived();
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The first `count` frames, once they have arrived. */
  async first(count: number): Promise<Record<string, unknown>[]> {
    while (this.frames.length < count) await new Promise<void>((resolve) => (this.arrived = resolve));
    return this.frames.slice(0, count);
  }
}

async function open(query = '', key = API_KEY): Promise<Client> {
  const socket = new WebSocket(`${server.url}/ws/code${query}`, { headers: { 'X-API-Key': key } });
  clients.push(socket);
  const client = new Client(socket);
  await once(socket, 'open');
  return client;
}

/** Status and body of the response to a refused upgrade. */
async function refused(path: string, headers: Record<string, string>): Promise<[number, unknown]> {
  const socket = new WebSocket(`${server.url}${path}`, { headers });
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return [response.statusCode ?? 0, JSON.parse(Buffer.concat(chunks).toString())];
}

const message = (code: string, submission_id?: string) => ({ user_id: 'test', code, submission_id });

describe('at the upgrade', () => {
  test('a wrong or missing key is refused with 401', async () => {
    await start();
    const answer = [401, { error: 'unauthorized', message: 'send a valid key in the header X-API-Key' }];
    expect(await refused('/ws/code', {})).toEqual(answer);
    expect(await refused('/ws/code', { 'X-API-Key': 'wrong' })).toEqual(answer);
  });

  test('any other path is not found', async () => {
    await start();
    expect((await refused('/ws/other', { 'X-API-Key': API_KEY }))[0]).toBe(404);
    expect((await refused('//', { 'X-API-Key': API_KEY }))[0]).toBe(404);
  });

  test('a parameter that cannot be understood is not guessed at', async () => {
    await start();
    expect((await refused('/ws/code?progress=no', { 'X-API-Key': API_KEY }))[0]).toBe(400);
  });

  test('a client that hangs up in the middle harms nobody', async () => {
    await start();
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /ws/code HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.resetAndDestroy();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});

describe('a submission', () => {
  test('is answered with its frames, and the last one has the status', async () => {
    await start();
    const client = await open();
    client.send(message('pass', 'mine'));
    const frames = await client.first(2);
    for (const frame of frames) serverFrame.parse(frame);
    expect(frames[0]).toMatchObject({ type: 'accepted', submission_id: 'mine', namespace: 'user-test' });
    expect(Object.entries(frames[1] ?? {}).slice(0, 2)).toEqual([
      ['status', 'deployed'],
      ['namespace', 'user-test'],
    ]);
  });

  test('gets an id if it has none', async () => {
    await start();
    const client = await open();
    client.send(message('pass'));
    const [accepted] = await client.first(1);
    expect(accepted?.submission_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('gets exactly one frame on a connection without progress', async () => {
    await start();
    const client = await open('?progress=false');
    client.send(message('pass', 'one'));
    client.send('{');
    client.send(message('pass', 'two'));
    const frames = await client.first(3);
    expect(frames.filter((frame) => frame.status === 'deployed')).toHaveLength(2);
    expect(frames.filter((frame) => frame.code === 'invalid_json')).toHaveLength(1);
  });

  test('does not wait for another one of the same connection', async () => {
    await start();
    const client = await open('?progress=false');
    client.send(message('hang', 'slow'));
    client.send(message('pass', 'fast'));
    expect(await client.first(1)).toMatchObject([{ submission_id: 'fast' }]);
  });

  test('is followed no longer when its client goes', async () => {
    await start();
    const ended = new Promise<string>((resolve) => (submissions.onEnd = resolve));
    const client = await open();
    client.send(message('hang', 'left'));
    await client.first(1);
    client.socket.close();
    expect(await ended).toBe('left');
  });

  test.each([
    ['conflict', { code: 'conflict', field: 'submission_id' }],
    ['unavailable', { code: 'unavailable' }],
    ['bug', { code: 'internal' }],
  ])('that cannot be taken (%s) is answered with an error frame that names it', async (code, expected) => {
    await start();
    const client = await open();
    client.send(message(code, 'mine'));
    const [frame] = await client.first(1);
    serverFrame.parse(frame);
    expect(frame).toMatchObject({ type: 'error', submission_id: 'mine', ...expected });
    expect(JSON.stringify(frame)).not.toContain('secret detail');
    client.send(message('pass'));
    expect((await client.first(3))[2]).toHaveProperty('status');
  });
});

describe('a submission of before', () => {
  test('is resumed after the given cursor, by anyone who knows its id', async () => {
    await start();
    const first = await open();
    first.send(message('pass', 'mine'));
    await first.first(2);
    const client = await open();
    client.send({ type: 'resume', submission_id: 'mine', cursor: '1.0' });
    client.send({ type: 'resume', submission_id: 'mine' });
    expect(await client.first(3)).toMatchObject([{ cursor: '2.0' }, { cursor: '1.0' }, { cursor: '2.0' }]);
  });

  test('is cancelled, unless it is over', async () => {
    await start();
    const client = await open('?progress=false');
    client.send(message('hang', 'going'));
    client.send({ type: 'cancel', submission_id: 'going' });
    const [frame] = await client.first(1);
    serverFrame.parse(frame);
    expect(frame).toEqual({ type: 'cancel', submission_id: 'going', state: 'requested' });
    client.send(message('pass', 'gone'));
    await client.first(2);
    client.send({ type: 'cancel', submission_id: 'gone' });
    expect((await client.first(3))[2]).toMatchObject({ type: 'cancel', state: 'over' });
  });

  test.each(['resume', 'cancel'])('that nobody knows is not found: %s', async (type) => {
    await start();
    const client = await open();
    client.send({ type, submission_id: 'unknown' });
    const expected = { type: 'error', code: 'not_found', field: 'submission_id', submission_id: 'unknown' };
    expect(await client.first(1)).toMatchObject([expected]);
  });
});

describe('limits', () => {
  test('binary messages get an error frame, and the connection stays', async () => {
    await start();
    const client = await open('?progress=false');
    client.socket.send(Buffer.from(JSON.stringify(message('pass'))));
    client.send(message('pass'));
    expect((await client.first(2))[0]).toMatchObject({ type: 'error', code: 'binary_not_supported' });
  });

  test('a message over the hard limit closes the connection with 1009', async () => {
    await start({ maxMessageBytes: 2000 });
    const client = await open();
    client.send(message('x'.repeat(3000)));
    expect((await client.closed)[0]).toBe(1009);
  });

  test('one submission too many is refused until another one ends', async () => {
    await start({ maxInFlight: 1 });
    const client = await open('?progress=false');
    client.send(message('hang', 'a'));
    client.send(message('pass', 'b'));
    expect(await client.first(1)).toMatchObject([
      { code: 'too_many_in_flight', limit: 1, submission_id: 'b' },
    ]);
  });

  test('a client that does not read is closed with 4001 before much has piled up', async () => {
    await start({ maxBufferedBytes: 100_000 });
    const client = await open('?progress=false');
    client.socket.pause();
    for (let n = 0; n < 20; n++) client.send(message('flood', `flood-${n}`));
    const line = await loggedLine('client does not read');
    const { bufferedBytes } = JSON.parse(line) as { bufferedBytes: number };
    expect(bufferedBytes).toBeLessThan(100_000 + 2 * FLOOD_BYTES);
    client.socket.resume();
    expect((await client.closed)[0]).toBe(4001);
    expect(client.frames.length).toBeLessThan(20);
  });

  test('a client that answers no ping is cut off', async () => {
    await start({ pingIntervalMs: 20 });
    const socket = new WebSocket(`${server.url}/ws/code`, {
      headers: { 'X-API-Key': API_KEY },
      autoPong: false,
    });
    const client = new Client(socket);
    expect((await client.closed)[0]).toBe(1006);
  });
});

describe('closing', () => {
  test('tells clients to come back elsewhere, with 1001', async () => {
    await start();
    const client = await open();
    client.send(message('hang'));
    await client.first(1);
    await server.close();
    const [code, reason] = await client.closed;
    expect(code).toBe(1001);
    expect(reason.toString()).toContain('resume after the last cursor');
  });

  test('does not wait for a client that ignores it', async () => {
    await start({ closeTimeoutMs: 50 });
    const client = await open();
    client.socket.pause();
    await server.close();
  });

  test('is the same closing when asked for twice', async () => {
    await start();
    await Promise.all([server.close(), server.close()]);
    await expect(fetch(server.url)).rejects.toThrow();
  });
});

describe('over HTTP', () => {
  test.each([
    ['/', 200],
    ['/healthz', 200],
    ['/readyz', 200],
    ['/schema.json', 200],
    ['/ws/code', 426],
    ['/nothing', 404],
  ])('%s is answered with %i', async (path, status) => {
    await start();
    const response = await fetch(`${server.url}${path}`);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual(expect.any(Object));
  });

  test('it is alive but not ready while Temporal is away, and says why', async () => {
    await start();
    submissions.down = true;
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, reason: 'Temporal is away' });
  });
});

test('neither the key nor code is ever logged', async () => {
  await start();
  const client = await open('?progress=false');
  client.send(message('a_word_of_code'));
  await client.first(1);
  expect(logged.length).toBeGreaterThan(0);
  expect(logged.join('')).not.toContain(API_KEY);
  expect(logged.join('')).not.toContain('a_word_of_code');
});

test('an address that is taken is an error', async () => {
  await start();
  const port = Number(new URL(server.url).port);
  const second = startServer({ API_KEY, HOST: '127.0.0.1', PORT: port }, { submissions, rules, logger });
  await expect(second).rejects.toThrow('EADDRINUSE');
});

/** The next line of the log that contains the text. */
async function loggedLine(text: string): Promise<string> {
  const from = logged.length;
  for (;;) {
    const line = logged.slice(from).find((candidate) => candidate.includes(text));
    if (line) return line;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
