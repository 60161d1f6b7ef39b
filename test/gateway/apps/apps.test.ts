import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
} from 'node:net';
import WebSocket, { WebSocketServer } from 'ws';
import { createAccess } from '../../../gateway/auth/access';
import { createApps } from '../../../gateway/apps/apps';
import { createLogger } from '../../../infrastructure/logging';

/** Forwarding to a program that is a server of this test, over real connections. */

const KEY = 'a-key-of-many-characters';
const open: Server[] = [];
let seen: IncomingMessage | undefined;

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  seen = undefined;
});

async function listening(server: Server): Promise<string> {
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface GatewayOptions {
  key?: string;
  idleTimeoutMs?: number;
  maxInFlight?: number;
  maxDurationMs?: number;
}

/** Starts a gateway that knows one program, of `ada`. */
async function gatewayFor(
  address: string | null,
  { key = KEY, maxInFlight = 256, ...times }: GatewayOptions = {},
): Promise<string> {
  const apps = createApps({
    maxInFlight,
    access: createAccess(key, null),
    addressOf: (userId) => Promise.resolve(userId === 'ada' ? address : null),
    logger: createLogger('gateway', 'fatal'),
    ...times,
  });
  const server = createServer((request, response) => {
    if (!apps.request(request, response)) response.writeHead(418).end();
  });
  server.on('upgrade', (request, socket, head) => {
    if (!apps.upgrade(request, socket, head)) socket.destroy();
  });
  return listening(server);
}

async function gatewayBefore(program: RequestListener, options: GatewayOptions = {}): Promise<string> {
  const address = await listening(
    createServer((request, response) => {
      seen = request;
      program(request, response);
    }),
  );
  return gatewayFor(address, options);
}

/** Returns a port on which nothing listens. */
async function nowhere(): Promise<string> {
  const server = createServer();
  const address = await listening(server);
  server.close();
  await once(server, 'close');
  return address;
}

const json = { headers: { accept: 'application/json' } };

test('a request reaches the program with its method, path, query and body, and the answer comes back', async () => {
  const url = await gatewayBefore((request, response) => {
    response.writeHead(201, { 'X-Mine': 'yes' });
    request.pipe(response);
  });
  const response = await fetch(`${url}/apps/ada/items/%20a?x=1`, { method: 'PUT', body: 'hello' });
  expect([response.status, response.headers.get('x-mine'), await response.text()]).toEqual([
    201,
    'yes',
    'hello',
  ]);
  expect([seen?.method, seen?.url]).toEqual(['PUT', '/items/%20a?x=1']);
});

test('the program sees where a request came from, and nothing that opens the gateway', async () => {
  const url = await gatewayBefore((_, response) => response.end());
  await fetch(`${url}/apps/ada/`, {
    headers: { 'X-API-Key': KEY, Cookie: 'session=1', Authorization: `Bearer ${KEY}`, 'X-Own': 'kept' },
  });
  expect(seen?.headers).toMatchObject({
    'x-own': 'kept',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': new URL(url).host,
    'x-forwarded-prefix': '/apps/ada',
  });
  for (const name of ['x-api-key', 'cookie', 'authorization']) expect(seen?.headers).not.toHaveProperty(name);
});

test.each(['user', 'password'])('a key as the %s of Basic credentials is not passed on', async (place) => {
  const url = await gatewayBefore((_, response) => response.end());
  const credentials = place === 'user' ? `${KEY}:x` : `x:${KEY}`;
  const Authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  await fetch(`${url}/apps/ada/`, { headers: { Authorization } });
  expect(seen?.headers).not.toHaveProperty('authorization');
});

test.each([
  ['of words, as a token', 'three words here', 'Bearer three words here'],
  ['with a colon, as the user', 'a:key', `Basic ${Buffer.from('a:key:').toString('base64')}`],
  ['with a colon, as the password', 'a:key', `Basic ${Buffer.from('x:a:key').toString('base64')}`],
  ['without a scheme', KEY, KEY],
])('a key %s is not passed on', async (_, key, Authorization) => {
  const url = await gatewayBefore((_, response) => response.end(), { key });
  await fetch(`${url}/apps/ada/`, { headers: { Authorization } });
  expect(seen).toBeDefined();
  expect(seen?.headers).not.toHaveProperty('authorization');
});

test('a key of the program itself is passed on', async () => {
  const url = await gatewayBefore((_, response) => response.end());
  await fetch(`${url}/apps/ada/`, { headers: { Authorization: 'Bearer of-the-program' } });
  expect(seen?.headers.authorization).toBe('Bearer of-the-program');
});

test('a page of a program gets an origin of its own, sets no cookies, and is redirected within its path', async () => {
  const url = await gatewayBefore((_, response) =>
    response.writeHead(302, { Location: '/login', 'Set-Cookie': 'a=1', 'Keep-Alive': 'timeout=99' }).end(),
  );
  const { headers } = await fetch(`${url}/apps/ada/`, { redirect: 'manual' });
  expect(headers.get('location')).toBe('/apps/ada/login');
  expect(headers.get('set-cookie')).toBeNull();
  expect(headers.get('keep-alive')).not.toBe('timeout=99');
  expect(headers.get('content-security-policy')).toMatch(/^sandbox (?!.*allow-same-origin)/);
});

describe('an address in an answer', () => {
  const HOST = 'gateway.example:8000';
  let location: string;
  let url: string;
  const locationFor = async (headers: Record<string, string>) => {
    const sent = get(`${url}/apps/ada/items`, { headers: { Host: HOST, ...headers } });
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answer.resume();
    return [answer.headers.location, answer.headers['content-location']];
  };
  beforeEach(async () => {
    url = await gatewayBefore((_, response) =>
      response.writeHead(307, { Location: location, 'Content-Location': location }).end(),
    );
  });

  test.each([
    ['as FastAPI and Flask make it', `http://${HOST}/items/`, '/apps/ada/items/'],
    ['of another protocol, by which a proxy was asked', `https://${HOST}/items/`, '/apps/ada/items/'],
    ['without a protocol', `//${HOST}/items/`, '/apps/ada/items/'],
    ['in capitals', `HTTP://GATEWAY.example:8000/A?b=C#d`, '/apps/ada/A?b=C#d'],
    ['without a path', `http://${HOST}`, '/apps/ada/'],
    ['at the root', '/items/?x=1#y', '/apps/ada/items/?x=1#y'],
    ['that has the prefix, as X-Forwarded-Prefix says', '/apps/ada/items/', '/apps/ada/items/'],
    ['that is the prefix', '/apps/ada?x', '/apps/ada?x'],
    ['with all of it', `http://${HOST}/apps/ada/items/`, '/apps/ada/items/'],
    ['that only begins like it', '/apps/adam/', '/apps/ada/apps/adam/'],
  ])('%s leads back into the program', async (_, address, expected) => {
    location = address;
    expect(await locationFor({})).toEqual([expected, expected]);
  });

  test('of the host that a proxy was asked for leads back into the program', async () => {
    location = 'https://public.example/items/';
    expect(await locationFor({ 'X-Forwarded-Host': 'public.example' })).toEqual(
      Array(2).fill('/apps/ada/items/'),
    );
  });

  test.each([
    ['of another host', 'http://other.example/x'],
    ['of another port', 'http://gateway.example/x'],
    ['of another host without a protocol', '//other.example/x'],
    ['of another scheme', 'mailto:a@b.example'],
    ['that is relative', 'items/'],
    ['that is a query', '?x=1'],
    ['that cannot be read', 'http://[/x'],
    ['of a user at another host', `http://${HOST}@other.example/x`],
  ])('%s stays', async (_, address) => {
    location = address;
    expect(await locationFor({})).toEqual([address, address]);
  });
});

test('an answer is passed on as it comes', async () => {
  let finish: () => void = () => undefined;
  const url = await gatewayBefore((_, response) => {
    response.write('first');
    finish = () => response.end('last');
  });
  const reader = (await fetch(`${url}/apps/ada/`)).body!.getReader();
  expect(Buffer.from((await reader.read()).value).toString()).toBe('first');
  finish();
  expect(Buffer.from((await reader.read()).value).toString()).toBe('last');
});

test('the path of a user without its last slash is redirected to it', async () => {
  const url = await gatewayFor(null);
  const response = await fetch(`${url}/apps/ada?x=1`, { redirect: 'manual' });
  expect([response.status, response.headers.get('location')]).toEqual([308, '/apps/ada/?x=1']);
});

test.each(['nobody', 'Not_A_User', '..'])('there is no program of %s', async (user) => {
  const url = await gatewayFor('http://127.0.0.1:1');
  const response = await fetch(`${url}/apps/${encodeURIComponent(user)}%2F/x`, json);
  expect([response.status, await response.json()]).toMatchObject([404, { error: 'not_found' }]);
});

test('a program that does not serve is told apart from one that breaks off, to people and to machines', async () => {
  const stopped = await gatewayFor(await nowhere());
  const page = await fetch(`${stopped}/apps/ada/`, { headers: { accept: 'text/html,*/*' } });
  expect([page.status, page.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8']);
  expect(await page.text()).toContain('does not serve now');
  const broken = await gatewayBefore((_, response) => response.destroy());
  const answer = await fetch(`${broken}/apps/ada/`, json);
  expect([answer.status, await answer.json()]).toMatchObject([502, { error: 'bad_answer' }]);
});

test('a program that does not answer is given up', async () => {
  const url = await gatewayBefore(() => undefined, { idleTimeoutMs: 50 });
  expect((await fetch(`${url}/apps/ada/`, json)).status).toBe(502);
});

test('a WebSocket is passed through, both ways', async () => {
  const server = createServer();
  const echo = new WebSocketServer({ server });
  echo.on('connection', (client, request) => {
    seen = request;
    client.on('message', (data: Buffer) => client.send(`echo ${data.toString()}`));
  });
  const url = await gatewayFor(await listening(server));
  const client = new WebSocket(`${url.replace('http', 'ws')}/apps/ada/chat?room=1`, {
    headers: { 'X-API-Key': KEY },
  });
  await once(client, 'open');
  client.send('hello');
  const [data] = (await once(client, 'message')) as [Buffer];
  expect(data.toString()).toBe('echo hello');
  expect(seen?.url).toBe('/chat?room=1');
  expect(seen?.headers).not.toHaveProperty('x-api-key');
  client.close(4002, 'done');
  const [code] = (await once(client, 'close')) as [number];
  expect(code).toBe(4002);
  echo.close();
});

test.each([
  ['there is no program', () => Promise.resolve(null), 404],
  ['the program does not serve', nowhere, 503],
])('a WebSocket is refused when %s', async (_, address, status) => {
  const url = await gatewayFor(await address());
  const client = new WebSocket(`${url.replace('http', 'ws')}/apps/ada/`);
  const [error] = (await once(client, 'error')) as [Error];
  expect(error.message).toContain(String(status));
});

test('other paths are left to others', async () => {
  const url = await gatewayFor(null);
  expect((await fetch(`${url}/appsada/`)).status).toBe(418);
});

describe('a program cannot occupy the gateway without limit', () => {
  /** A program that sends what `next` returns, every 20 ms, over a raw connection. */
  async function dripping(next: (count: number) => string): Promise<string> {
    const program = createTcpServer((socket) => {
      let count = 0;
      const timer = setInterval(() => socket.write(next(count++)), 20);
      socket.on('error', () => undefined).on('close', () => clearInterval(timer));
    });
    program.listen(0, '127.0.0.1');
    await once(program, 'listening');
    rawServers.push(program);
    return `http://127.0.0.1:${(program.address() as AddressInfo).port}`;
  }
  const rawServers: TcpServer[] = [];
  afterEach(() => {
    for (const server of rawServers.splice(0)) server.close();
  });

  test('when it sends the head of its answer byte by byte', async () => {
    const address = await dripping((count) => (count === 0 ? 'HTTP/1.1 200 OK\r\nX-Slow: ' : 'x'));
    const url = await gatewayFor(address, { idleTimeoutMs: 200, maxInFlight: 1 });
    expect((await fetch(`${url}/apps/ada/`, json)).status).toBe(502);
    expect((await fetch(`${url}/apps/ada/`, json)).status).toBe(502); // Not 429: the place is free again.
  });

  test('but it may answer before the request has ended, and for longer than it may be idle', async () => {
    const url = await gatewayBefore(
      (_, response) => {
        response.writeHead(200).write('begun ');
        const timer = setInterval(() => response.write('x'), 20);
        setTimeout(() => {
          clearInterval(timer);
          response.end(' done');
        }, 500);
      },
      { idleTimeoutMs: 150 },
    );
    const client = connect(Number(new URL(url).port), '127.0.0.1');
    client.setEncoding('utf8').on('error', () => undefined);
    client.write('POST /apps/ada/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n');
    let received = '';
    client.on('data', (text: string) => {
      if (received === '') client.write('body');
      received += text;
    });
    await once(client, 'close');
    expect(received).toContain(' done');
  });

  test('when it sends a body without an end', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    const address = await dripping((count) => (count === 0 ? head : '1\r\nx\r\n'));
    const url = await gatewayFor(address, { maxDurationMs: 300, maxInFlight: 1 });
    const response = await fetch(`${url}/apps/ada/`);
    await expect(response.text()).rejects.toThrow();
    expect((await fetch(`${url}/apps/ada/`)).status).toBe(200);
  });

  test('when neither side of a WebSocket sends anything', async () => {
    const program = createServer();
    new WebSocketServer({ server: program }).on('connection', (socket) =>
      socket.on('error', () => undefined),
    );
    const url = await gatewayFor(await listening(program), { idleTimeoutMs: 200, maxInFlight: 1 });
    for (const round of [1, 2]) {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/apps/ada/`);
      await once(socket, 'open');
      expect([round, (await once(socket, 'close'))[0]]).toEqual([round, 1006]);
    }
  });

  test('nor does a client that does not read, or sends its body byte by byte', async () => {
    const url = await gatewayBefore((request, response) => request.pipe(response), {
      ...{ maxDurationMs: 300, maxInFlight: 1 },
    });
    const port = Number(new URL(url).port);
    const client = connect(port, '127.0.0.1');
    client.write('POST /apps/ada/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n');
    const timer = setInterval(() => client.write('x'), 20);
    client.on('error', () => undefined).resume();
    await once(client, 'close');
    clearInterval(timer);
    expect((await fetch(`${url}/apps/ada/`)).status).toBe(200);
  });
});
