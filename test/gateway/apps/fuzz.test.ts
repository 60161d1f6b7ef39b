import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import pino from 'pino';
import { parseAppsDomain } from '../../../infrastructure/config/appsDomain';
import { startServer, type RunningServer } from '../../../gateway/server';
import { FakeSubmissions } from '../fakeSubmissions';
import { rules } from '../protocol/rules';
import { responsesIn, type Read } from './responses';

/**
 * A client and a program that send malformed HTTP, in any order. A test fails on an uncaught exception, and
 * on every byte that reaches the other side without being part of a complete message.
 */

/** How many exchanges run concurrently, and the number of rounds. */
const AT_ONCE = 25;
const ROUNDS = 40;
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

let gateway: RunningServer;
let program: Server;
/** What the program sends for the request with this path; it answers other requests with their path. */
const answers = new Map<string, { bytes: string; at: number; resets: boolean }>();
/** Every byte of each connection to the program. */
const received = new Set<{ text: string }>();
const bugs: string[] = [];
/** How many messages of each side were forwarded: if few, most are too malformed to test anything. */
const passedOn = { requests: 0, answers: 0 };

beforeAll(async () => {
  program = createServer((socket) => {
    const connection = { text: '' };
    received.add(connection);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const isNew = !connection.text.includes('\r\n\r\n');
      connection.text += chunk.toString('latin1');
      if (isNew && connection.text.includes('\r\n\r\n'))
        void reply(socket, connection.text.split(' ')[1] ?? '');
    });
  }).listen(0, '127.0.0.1');
  await once(program, 'listening');
  const { port } = program.address() as AddressInfo;
  gateway = await startServer(
    { API_KEY: 'a key for the tests only', HOST: '127.0.0.1', PORT: 0 },
    {
      submissions: new FakeSubmissions(),
      rules,
      // An exception that the guard had to catch is a bug of the gateway, too.
      logger: pino({ level: 'error' }, { write: (line: string) => void bugs.push(line) }),
      programAddress: () => Promise.resolve(`http://127.0.0.1:${port}`),
      appsDomain: parseAppsDomain('apps.localhost'),
    },
  );
});

afterAll(async () => {
  await gateway.close();
  program.close();
});

async function reply(socket: Socket, path: string): Promise<void> {
  const answer = answers.get(path);
  if (!answer) return void socket.end(ok(path), 'latin1');
  socket.write(answer.bytes.slice(0, answer.at), 'latin1');
  if (answer.at > 0) await wait(1);
  if (answer.resets) socket.resetAndDestroy();
  else socket.end(answer.bytes.slice(answer.at), 'latin1');
}

const ok = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const names = fc.constantFrom(
  ...[
    'Connection',
    'Content-Length',
    'Transfer-Encoding',
    'Trailer',
    'Upgrade',
    'Expect',
    'TE',
    'Host',
    'Cookie',
  ],
  ...['Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions'],
  ...[
    'Sec-WebSocket-Accept',
    'Set-Cookie',
    'Location',
    'Content-Type',
    'Origin',
    'Authorization',
    'X-API-Key',
  ],
  ...[
    'Accept',
    'Keep-Alive',
    'Last-Event-ID',
    'traceparent',
    'X-Forwarded-For',
    'Sec-Fetch-Site',
    '__proto__',
  ],
);
const latin1 = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const values = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom('close', 'Upgrade', 'websocket', 'chunked', '0', '2', '13', 'gzip', 'x'),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '100-continue',
      'content-length',
      'h2c',
      'Upgrade, keep-alive',
      '',
      '/',
      '%ff',
      '[',
      '-1',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['dGhlIHNhbXBsZSBub25jZQ==', 'orchestration_session=%', 'text/html', 'x=1; Domain=localhost; ;'],
    ),
  },
  { weight: 1, arbitrary: latin1 },
);
const separators = fc.oneof(
  { weight: 20, arbitrary: fc.constant(': ') },
  { weight: 1, arbitrary: fc.constantFrom(' : ', ':', '\x00: ', ':\r\n ', ';') },
);
const ends = fc.oneof(
  { weight: 30, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\r\r\n', '\r\n \r\n') },
);
const headers = fc
  .array(fc.tuple(names, separators, values, ends), { maxLength: 6, size: 'xsmall' })
  .map((lines) => lines.map((line) => line.join('')).join(''));
const bodies = fc.oneof(
  fc.constantFrom('', 'hi', '2\r\nhi\r\n0\r\n\r\n', '0\r\nX: y\r\n\r\n', '\x81\x00'),
  fc.constantFrom('2;ext=1\r\nhi\r\n0\r\n\r\n', 'g\r\n', '-2\r\nhi', '2\nhi\n0\n\n', 'fffffffffffffffff\r\n'),
  fc.constantFrom('x'.repeat(100_000), `ffff\r\n${'y'.repeat(65_535)}\r\n0\r\n\r\n`),
  fc.constantFrom(
    'GET /apps/ada/smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
    `${'HTTP/1.1 200 OK\r\n'}Content-Length: 6\r\n\r\npoison`,
  ),
  latin1,
);

const paths = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '/apps/ada/',
      '/apps/ada/',
      '/apps/ada/',
      '/apps/ada/%zz?%',
      '/apps/ada',
      '/apps//',
      '/apps/%ff/',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/ws/code',
      '/',
      '//',
      '*',
      '/session',
      '/login',
      '/logout',
      '/api/submissions/%ff',
      '/%',
    ),
  },
  { weight: 1, arbitrary: latin1.map((text) => `/apps/ada/${text}`) },
);
const methods = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('GET', 'POST') },
  { weight: 1, arbitrary: fc.constantFrom('HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'PROPFIND', 'x') },
);
const versions = fc.constantFrom('1.1', '1.1', '1.1', '1.1', '1.0', '2.0');
const upgrading = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
const atOwnOrigin = 'Host: ada.apps.localhost\r\n';
const begins = fc.constantFrom(
  ...['Host: x\r\n', 'Host: x\r\n', `Host: x\r\n${upgrading}`, ''],
  ...[atOwnOrigin, atOwnOrigin, `${atOwnOrigin}${upgrading}`],
);
const requests = fc
  .tuple(methods, paths, versions, begins, headers, bodies)
  .map(
    ([method, path, version, first, rest, body]) =>
      `${method} ${path} HTTP/${version}\r\n${first}${rest}\r\n${body}`,
  );

const statuses = fc
  .constantFrom(200, 200, 200, 404, 101, 304, 204, 302, 100, 103, 0, 999, 600, 500)
  .map((n) => String(n).padStart(3, '0'));
const reasons = fc.oneof(fc.constantFrom('OK', 'OK', 'OK', '', 'O\x01K', '\xff'), latin1);
const answersOf = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(statuses, reasons, fc.constantFrom('', '', '', upgrading), headers, bodies)
      .map(
        ([status, reason, first, rest, body]) => `HTTP/1.1 ${status} ${reason}\r\n${first}${rest}\r\n${body}`,
      ),
  },
  { weight: 1, arbitrary: latin1 },
);

/** A client's connection to the gateway, which parses responses strictly. */
class Client {
  text = '';
  ended = false;
  readonly #socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  #changed: () => void = () => undefined;

  constructor(readonly methods: string[]) {
    this.#socket.on('error', () => undefined);
    this.#socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.#changed();
    });
    this.#socket.on('close', () => {
      this.ended = true;
      this.#changed();
    });
  }

  send(bytes: string): void {
    this.#socket.write(bytes, 'latin1');
  }

  read(): Read {
    return responsesIn(this.text, this.methods, this.ended);
  }

  /** Resolves when `holds` returns true, the connection has ended, or `ms` milliseconds have passed. */
  async until(holds: (read: Read) => boolean, ms: number): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#changed();
    }, ms);
    while (!this.ended && !late && !holds(this.read()))
      await new Promise<void>((resolve) => (this.#changed = resolve));
    clearTimeout(timer); // Until it fires it would keep what was received.
  }

  async close({ resets = false } = {}): Promise<void> {
    if (resets) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    if (!this.#socket.closed) await once(this.#socket, 'close');
  }
}

/** Longer than any answer takes on a busy machine. */
const PATIENCE_MS = 60_000;
/** How long to wait for the answer to a request that may be incomplete. */
const SHORTLY_MS = 40;
let made = 0;

const finals = ({ responses }: Read) => responses.filter(({ status }) => status >= 200);

type Answer = [bytes: string, cut: number, resets: boolean];

function setAnswer(path: string, [bytes, cut, resets]: Answer): void {
  answers.set(path, { bytes, at: Math.min(cut, bytes.length), resets });
}

/**
 * An honest client receives one response to a hostile answer, or its connection ends; and its next request
 * gets its own response.
 */
async function withHostileProgram(method: string, answer: Answer): Promise<void> {
  const path = `/${made++}`;
  setAnswer(path, answer);
  const client = new Client([method, 'GET']);
  client.send(`${method} /apps/ada${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`);
  await client.until((read) => finals(read).length > 0, PATIENCE_MS);
  const [first] = finals(client.read());
  if (first?.headers.has('content-security-policy') && first.status !== 502) passedOn.answers++;
  if (first && first.headers.get('connection') !== 'close') {
    expect(client.read().rest).toBe('');
    client.send(`GET /apps/ada/next${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.until((read) => finals(read).length > 1, PATIENCE_MS);
    const { responses, rest } = client.read();
    expect(responses.at(-1)).toMatchObject({ status: 200, body: `/next${path}` });
    expect([responses.length, rest]).toEqual([2, '']);
  } else {
    await client.until(() => false, PATIENCE_MS);
    expect([client.ended, finals(client.read()).length <= 1]).toEqual([true, true]);
  }
  answers.delete(path);
  await client.close();
}

/** A hostile client gets responses, or its connection ends; its requests reach the program separately. */
async function withHostileClient(bytes: string, resets: boolean): Promise<void> {
  const next = `/next/${made++}`;
  const client = new Client([bytes.split(' ', 1)[0]!]);
  client.send(bytes);
  await client.until((read) => finals(read).length > 0, SHORTLY_MS);
  if (!resets) client.send(`GET /apps/ada${next} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await client.until(({ responses }) => responses.some(({ body }) => body === next), resets ? 0 : SHORTLY_MS);
  client.read();
  await client.close({ resets });
}

const METHODS = /^[A-Z-]+ \/\S* HTTP\/1\.1$/;

/** Fails unless the program received one request per connection, followed only by its body. */
function checkReceived(): void {
  for (const { text } of received) {
    if (!text.includes('\r\n\r\n')) continue; // The client had disconnected.
    const [head = '', ...others] = text.split('\r\n\r\n');
    const body = others.join('\r\n\r\n');
    const [line = '', ...fields] = head.split('\r\n');
    if (!line.includes('/next/')) passedOn.requests++;
    expect(line).toMatch(METHODS);
    const named = (name: string) => fields.filter((field) => field.toLowerCase().startsWith(`${name}:`));
    const [length, coding] = [named('content-length'), named('transfer-encoding')];
    expect(length.length + coding.length).toBeLessThanOrEqual(1);
    expect(named('trailer')).toEqual([]);
    // Node writes the chunks, and anything may follow an upgrade.
    if (coding.length > 0 || named('upgrade').length > 0) continue;
    expect(body.length).toBeLessThanOrEqual(Number(length[0]?.split(':')[1] ?? 0));
  }
  received.clear();
}

const cuts = fc.oneof(fc.constant(0), fc.nat({ max: 200 }));
const hostileAnswers = fc.tuple(
  answersOf,
  cuts,
  fc.nat({ max: 9 }).map((n) => n === 0),
);

v8.setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Runs rounds of concurrent exchanges, and checks that they do not leak memory. */
async function rounds<T>(arbitrary: fc.Arbitrary<T>, exchange: (value: T) => Promise<void>): Promise<void> {
  let begun: number | undefined;
  let round = 0;
  const all = fc.asyncProperty(
    fc.array(arbitrary, { minLength: AT_ONCE, maxLength: AT_ONCE }),
    async (values) => {
      for (const done of await Promise.allSettled(values.map(explained)))
        if (done.status === 'rejected') throw done.reason;
      checkReceived();
      expect(bugs).toEqual([]);
      expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
      if (++round === ROUNDS / 4) begun = heapBytes();
    },
  );
  async function explained(value: T): Promise<void> {
    await exchange(value).catch((error: unknown) => {
      throw new Error(`FUZZ_SEED=${seed} finds ${JSON.stringify(value).slice(0, 2_000)}`, { cause: error });
    });
  }
  const { failed, errorInstance } = await fc.check(all, { numRuns: ROUNDS, seed, endOnFailure: true });
  if (failed) throw errorInstance;
  expect(heapBytes() - begun!).toBeLessThan(8 * 1024 * 1024);
}

test('what a program answers is its own response, or ends the connection', async () => {
  await rounds(fc.tuple(fc.constantFrom('GET', 'GET', 'POST', 'HEAD'), hostileAnswers), ([method, answer]) =>
    withHostileProgram(method, answer),
  );
  expect(passedOn.answers).toBeGreaterThan((AT_ONCE * ROUNDS) / 10);
}, 120_000);

test('what a client sends reaches the program as requests, each by itself, whatever that answers', async () => {
  passedOn.requests = 0;
  await rounds(fc.tuple(requests, fc.boolean(), hostileAnswers), async ([bytes, resets, answer]) => {
    setAnswer('/', answer);
    await withHostileClient(bytes, resets);
  });
  expect(passedOn.requests).toBeGreaterThan((AT_ONCE * ROUNDS) / 20);
}, 120_000);
