import { once } from 'node:events';
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import pino from 'pino';
import { createEgressProxy, DEFAULT_PROXY_LIMITS, type ProxyParts } from '../../egress-proxy/proxy';
import { egressCredentials } from '../../infrastructure/egressCredentials';
import { isPublic } from '../../infrastructure/config/publicAddresses';

/** The proxy, with real sockets on loopback: names resolve to it, and it is allowed as if it were public. */

const KEY = 'a-key-of-many-characters';
const open: { close(): unknown }[] = [];
let logged: Record<string, unknown>[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function listening<T extends { listen(port: number, host: string): unknown; address(): unknown }>(
  server: T & NodeJS.EventEmitter & { close(): unknown },
): Promise<number> {
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A target that reports what it received. */
function httpTarget(): Server {
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      const { method, url, headers } = incoming;
      response.writeHead(201, 'Made', { 'x-target': 'yes', connection: 'keep-alive, x-hop', 'x-hop': '1' });
      response.end(JSON.stringify({ method, url, headers, body }));
    });
  });
  return server;
}

function echoTarget() {
  return createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
}

async function proxyFor(port: number, more: Partial<ProxyParts> = {}): Promise<number> {
  const hosts = [
    { host: 'api.example.com', ports: [port] },
    { host: '*.example.org', ports: [port] },
  ];
  const lines: Record<string, unknown>[] = [];
  logged = lines;
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return listening(
    createEgressProxy({
      key: KEY,
      plans: { large: { egress: { internet: false, ranges: [], hosts } }, small: {} },
      logger: pino({}, stream),
      resolve: () => Promise.resolve(['127.0.0.1']),
      isAllowedAddress: () => true,
      ...more,
    }),
  );
}

const authorization = (userId = 'ada', plan = 'large') => {
  const { username, password } = egressCredentials(KEY, { userId, plan });
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
};

interface Tunnel {
  status: number;
  reason: string;
  headers: IncomingHttpHeaders;
  socket: Socket;
  /** What arrived with the answer. */
  head: string;
}

/** Resolves when a socket is closed, however: one that is cut while it is written to also reports a reset. */
const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

async function tunnel(proxy: number, authority: string, credentials = authorization()): Promise<Tunnel> {
  const asking = request({
    ...{ host: '127.0.0.1', port: proxy, method: 'CONNECT', path: authority, agent: false },
    headers: credentials === '' ? {} : { 'Proxy-Authorization': credentials },
  });
  asking.end();
  const [answer, socket, head] = (await once(asking, 'connect')) as [
    { statusCode: number; statusMessage: string; headers: IncomingHttpHeaders },
    Socket,
    Buffer,
  ];
  socket.on('error', () => undefined);
  open.push({ close: () => socket.destroy() });
  return {
    status: answer.statusCode,
    reason: answer.statusMessage,
    headers: answer.headers,
    socket,
    head: head.toString(),
  };
}

async function forward(
  proxy: number,
  url: string,
  { credentials = authorization(), method = 'GET', body = '', headers = {} } = {},
) {
  const asking = request({
    ...{ host: '127.0.0.1', port: proxy, method, path: url, agent: false },
    headers: { host: 'other.example.net', 'Proxy-Authorization': credentials, ...headers },
  });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, text: await text(answer) };
}

/** The log lines, as soon as there are that many. */
async function logs(count: number): Promise<Record<string, unknown>[]> {
  while (logged.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  return logged;
}

describe('a tunnel', () => {
  test('to an allowed host carries bytes both ways, and is logged with their number', async () => {
    const port = await listening(echoTarget());
    const { status, socket } = await tunnel(await proxyFor(port), `API.example.com:${port}`);
    expect(status).toBe(200);
    socket.write('hello');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('hello');
    socket.end();
    await closed(socket);
    expect(await logs(1)).toMatchObject([
      {
        ...{
          user: 'ada',
          plan: 'large',
          method: 'CONNECT',
          host: 'api.example.com',
          port,
          outcome: 'closed',
        },
        ...{ sent: 5, received: 5, ms: expect.any(Number) as number },
      },
    ]);
  });

  test('delivers everything that the host sent before it ended, to a client that reads later', async () => {
    const size = 8_000_000;
    const target = createTcpServer((socket) => void socket.end(Buffer.alloc(size)));
    const port = await listening(target);
    const { socket, head } = await tunnel(await proxyFor(port), `api.example.com:${port}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    let received = head.length;
    for await (const bytes of socket) received += (bytes as Buffer).length;
    expect(received).toBe(size);
  });

  test('to another host is refused, with the host, the plan and what it allows', async () => {
    const proxy = await proxyFor(9);
    const { status, reason, socket, head } = await tunnel(proxy, 'other.example.com:443');
    const message =
      'The plan large of ada does not allow connections to other.example.com:443. ' +
      'It allows: api.example.com (9), *.example.org (9).';
    expect([status, reason]).toEqual([403, message]);
    expect(head + (await text(socket))).toBe(`${message}\n`);
    expect(await logs(1)).toMatchObject([
      { user: 'ada', host: 'other.example.com', port: 443, outcome: 'refused', status: 403, reason: message },
    ]);
  });

  test.each([
    ['another port', 'api.example.com:10', 403],
    ['an address', '127.0.0.1:9', 400],
    ['an IPv6 address', '[::1]:9', 400],
  ])('to %s is refused', async (_, authority, expected) => {
    expect(await tunnel(await proxyFor(9), authority)).toMatchObject({ status: expected });
  });

  test.each([
    ['no credentials', ''],
    ['a wrong password', `Basic ${Buffer.from('ada.large:wrong').toString('base64')}`],
    ['those of another user and plan', authorization().replace(/^Basic /, 'Bearer ')],
  ])('with %s is refused', async (_, credentials) => {
    const { status, headers } = await tunnel(await proxyFor(9), 'api.example.com:9', credentials);
    expect(status).toBe(407);
    expect(headers['proxy-authenticate']).toBe('Basic realm="egress proxy"');
    expect(await logs(1)).toMatchObject([{ user: null, outcome: 'refused' }]);
  });

  test.each(['small', 'gone'])('with the plan %s, which names no hosts, is refused', async (plan) => {
    const { status, reason } = await tunnel(
      await proxyFor(9),
      'api.example.com:9',
      authorization('ada', plan),
    );
    expect([status, reason]).toEqual([
      403,
      `The plan ${plan} of ada does not allow connections to api.example.com:9. It allows: none.`,
    ]);
  });

  test('to an allowed name with a private address is refused, and nothing is connected', async () => {
    const target = echoTarget();
    const connected = jest.fn();
    target.on('connection', connected);
    const port = await listening(target);
    const proxy = await proxyFor(port, { isAllowedAddress: isPublic });
    const { status, reason } = await tunnel(proxy, `api.example.com:${port}`);
    expect(status).toBe(403);
    expect(reason).toContain('The host api.example.com has no public address');
    expect(connected).not.toHaveBeenCalled();
  });

  test('resolves a name once, so that its address cannot change after the check', async () => {
    const port = await listening(echoTarget());
    const resolve = jest.fn().mockResolvedValue(['127.0.0.1']);
    const { status } = await tunnel(await proxyFor(port, { resolve }), `a.example.org:${port}`);
    expect(status).toBe(200);
    expect(resolve.mock.calls).toEqual([['a.example.org']]);
  });

  test('to what does not resolve or does not listen fails with the host', async () => {
    const server = echoTarget();
    const port = await listening(server);
    server.close();
    await once(server, 'close');
    const failing = await proxyFor(port, { resolve: () => Promise.reject(new Error('ENOTFOUND')) });
    expect(await tunnel(failing, `api.example.com:${port}`)).toMatchObject({
      status: 502,
      reason: 'The egress proxy cannot resolve the host api.example.com. Check its name.',
    });
    const { status, reason } = await tunnel(await proxyFor(port), `api.example.com:${port}`);
    expect([status, reason]).toEqual([
      502,
      `The egress proxy cannot connect to api.example.com:${port}. The plan allows it, but there is no valid answer.`,
    ]);
    expect(await logs(1)).toMatchObject([{ outcome: 'unreachable' }]);
  });

  test('is one of a limited number of its user, and ends when it is idle', async () => {
    const port = await listening(echoTarget());
    const limits = { ...DEFAULT_PROXY_LIMITS, open: 1, idleMs: 200 };
    const proxy = await proxyFor(port, { limits });
    const first = await tunnel(proxy, `api.example.com:${port}`);
    expect(first.status).toBe(200);
    const second = await tunnel(proxy, `api.example.com:${port}`);
    expect([second.status, second.reason]).toEqual([
      429,
      'Too many connections through the egress proxy: 1 connections at a time are allowed; close one first.',
    ]);
    expect((await tunnel(proxy, `api.example.com:${port}`, authorization('bob'))).status).toBe(200);
    first.socket.resume();
    await closed(first.socket);
    expect((await logs(2)).map(({ outcome }) => outcome)).toContain('idle');
    expect((await tunnel(proxy, `api.example.com:${port}`)).status).toBe(200);
  });

  test('ends after its total time, however busy it is', async () => {
    const port = await listening(echoTarget());
    const limits = { ...DEFAULT_PROXY_LIMITS, totalMs: 200 };
    const { socket } = await tunnel(await proxyFor(port, { limits }), `api.example.com:${port}`);
    const writing = setInterval(() => socket.write('x'), 20);
    socket.resume();
    await closed(socket);
    clearInterval(writing);
    expect(await logs(1)).toMatchObject([{ outcome: 'too_long' }]);
  });

  test('whose client leaves ends at the target', async () => {
    const target = createTcpServer();
    const port = await listening(target);
    const arrived = once(target, 'connection') as Promise<[Socket]>;
    const { socket } = await tunnel(await proxyFor(port), `api.example.com:${port}`);
    const [accepted] = await arrived;
    accepted.resume().on('error', () => undefined);
    socket.destroy();
    await closed(accepted);
    expect(await logs(1)).toMatchObject([{ outcome: 'closed' }]);
  });
});

describe('a request of plain HTTP', () => {
  test('is forwarded with the host of its URL, without credentials and headers of the connection', async () => {
    const port = await listening(httpTarget());
    const url = `http://api.example.com:${port}/path?q=1`;
    const headers = { connection: 'x-mine', 'x-mine': '1', 'x-kept': '2', 'proxy-connection': 'keep-alive' };
    const answer = await forward(await proxyFor(port), url, { method: 'POST', body: 'body', headers });
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ 'x-target': 'yes' });
    expect(answer.headers).not.toHaveProperty('x-hop');
    const received = JSON.parse(answer.text) as { headers: Record<string, string> };
    expect(received).toMatchObject({
      ...{ method: 'POST', url: '/path?q=1', body: 'body' },
      headers: { host: `api.example.com:${port}`, 'x-kept': '2' },
    });
    for (const name of ['proxy-authorization', 'x-mine', 'proxy-connection'])
      expect(received.headers).not.toHaveProperty(name);
    expect(await logs(1)).toMatchObject([
      { user: 'ada', method: 'POST', host: 'api.example.com', port, outcome: 'closed' },
    ]);
  });

  test('to another host, or without a host, is refused', async () => {
    const proxy = await proxyFor(9);
    const other = await forward(proxy, 'http://other.example.com/');
    expect(other).toMatchObject({ status: 403 });
    expect(other.text).toContain('The plan large of ada does not allow connections to other.example.com:80.');
    for (const url of [
      '/',
      'https://api.example.com/',
      'http://user@api.example.com:9/',
      'http://127.0.0.1:9/',
    ])
      expect(await forward(proxy, url)).toMatchObject({ status: 400 });
    expect(await forward(proxy, 'http://api.example.com:9/', { credentials: '' })).toMatchObject({
      status: 407,
    });
  });

  test('to a host that does not answer in time fails with it', async () => {
    const server = echoTarget();
    const port = await listening(server);
    server.close();
    await once(server, 'close');
    const answer = await forward(await proxyFor(port), `http://api.example.com:${port}/`);
    expect(answer.status).toBe(502);
    expect(answer.text).toContain(`cannot connect to api.example.com:${port}`);
  });

  test('of the health check needs no credentials', async () => {
    expect(await forward(await proxyFor(9), '/healthz', { credentials: '' })).toMatchObject({ status: 200 });
  });
});

test.each([
  'HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 \x01\x02\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX: \x01\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort',
  'garbage\r\n\r\n',
  '',
])('a target that answers %j does not end the proxy', async (answer) => {
  const target = createTcpServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(answer));
  });
  const port = await listening(target);
  const proxy = await proxyFor(port);
  await forward(proxy, `http://api.example.com:${port}/`).catch(() => undefined);
  expect(await logs(1)).toMatchObject([{ host: 'api.example.com' }]);
  expect(await forward(proxy, '/healthz')).toMatchObject({ status: 200 });
});

test('one address may have a limited number of connections, and more again when they have ended', async () => {
  const limits = { ...DEFAULT_PROXY_LIMITS, connectionsPerAddress: 2 };
  const proxy = await proxyFor(9, { limits });
  const sockets = [connect(proxy, '127.0.0.1'), connect(proxy, '127.0.0.1')];
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const third = connect(proxy, '127.0.0.1');
  third.on('error', () => undefined);
  await once(third, 'close');
  for (const socket of sockets) socket.destroy();
  for (let status: number | undefined; status !== 200;)
    status = await forward(proxy, '/healthz').then(
      (answer) => answer.status,
      () => undefined, // The ends of the others have not arrived yet.
    );
});

test('garbage is refused, and the proxy lives on', async () => {
  const proxy = await proxyFor(9);
  for (const garbage of ['GARBAGE\r\n\r\n', 'CONNECT \r\n\r\n', '\x16\x03\x01\x02\x00\x01']) {
    const socket = connect(proxy, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(garbage);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
  expect(await forward(proxy, '/healthz')).toMatchObject({ status: 200 });
});
