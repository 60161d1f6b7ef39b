import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import pino from 'pino';
import WebSocket, { WebSocketServer } from 'ws';
import { parseAppsDomain } from '../../../infrastructure/config/appsDomain';
import { DEFAULT_LIMITS } from '../../../gateway/limits';
import { startServer, type RunningServer } from '../../../gateway/server';
import { FakeSubmissions } from '../fakeSubmissions';
import { rules } from '../protocol/rules';

/** Programs at their own origins: a real gateway between raw clients and a program that is a server of this test. */

const API_KEY = 'a key for the tests only';
const ADA = 'ada.apps.localhost:8000';

let gateway: RunningServer;
let program: Server;
let sockets: WebSocketServer;
/** How the program answers. */
let onRequest: RequestListener;
/** The last request that reached the program. */
let seen: IncomingMessage | undefined;

beforeAll(async () => {
  program = createServer((request, response) => {
    seen = request;
    onRequest(request, response);
  });
  sockets = new WebSocketServer({ server: program });
  sockets.on('connection', (client, request) => {
    seen = request;
    client.on('message', (data: Buffer) => client.send(`echo ${data.toString()}`));
  });
  program.listen(0, '127.0.0.1');
  await once(program, 'listening');
  const address = `http://127.0.0.1:${(program.address() as AddressInfo).port}`;
  gateway = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    {
      submissions: new FakeSubmissions(),
      rules,
      logger: pino({ level: 'silent' }),
      limits: { ...DEFAULT_LIMITS, requestsPerProgram: 2 },
      programAddress: (userId) => Promise.resolve(userId === 'ada' ? address : null),
      appsDomain: parseAppsDomain('apps.localhost:8000'),
      inspect: () =>
        Promise.resolve({
          state: 'ready' as const,
          live: null,
          since: null,
          rollingOut: null,
          pods: [],
          egress: null,
        }),
    },
  );
});

afterAll(async () => {
  sockets.close();
  await gateway.close();
  program.closeAllConnections();
  program.close();
});

beforeEach(() => {
  seen = undefined;
  onRequest = (_, response) => response.end('the program');
});

interface Answer {
  status: number;
  head: string;
  body: string;
  headers: Record<string, string[]>;
}

/** Sends bytes, and resolves with everything received until the gateway closed the connection. */
async function exchange(bytes: string): Promise<Answer> {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(bytes, 'latin1');
  await once(socket, 'close');
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end);
  const headers: Record<string, string[]> = {};
  for (const line of head.split('\r\n').slice(1)) {
    const [name = '', ...value] = line.split(': ');
    (headers[name.toLowerCase()] ??= []).push(value.join(': '));
  }
  return { status: Number(text.split(' ')[1]), head, headers, body: text.slice(end + 4) };
}

const CLOSE = 'Connection: close\r\n';
const get = (host: string, path = '/', headers = '', method = 'GET') =>
  exchange(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}${headers}\r\n`);

test('a request goes to the program whole, whatever the path', async () => {
  for (const path of [
    '/',
    '/api/submissions',
    '/login',
    '/metrics',
    '/apps/ada/x?y=1',
    '//a/../%zz?x#',
    '/ws/code',
  ]) {
    expect(await get(ADA, path)).toMatchObject({ status: 200, body: 'the program' });
    expect(seen?.url).toBe(path);
  }
});

test.each([
  ['as a browser sends it', ADA],
  ['without the port', 'ada.apps.localhost'],
  ['with another port', 'ada.apps.localhost:31999'],
  ['with an empty port', 'ada.apps.localhost:'],
  ['in capitals', 'ADA.Apps.LocalHost:8000'],
  ['with a final dot', 'ada.apps.localhost.:8000'],
])('a host %s names the program', async (_, host) => {
  expect(await get(host)).toMatchObject({ status: 200, body: 'the program' });
});

test.each([
  ['the domain itself', 'apps.localhost:8000', 404],
  ['a label that is no user', 'a_b.apps.localhost', 404],
  ['a label that is too long', `${'a'.repeat(41)}.apps.localhost`, 404],
  ['two labels', 'x.ada.apps.localhost', 404],
  ['a user without a program', 'bob.apps.localhost:8000', 404],
  ['two final dots', 'ada.apps.localhost..', 400],
  ['an empty label', '.apps.localhost', 400],
  ['a user in front of it', 'x@ada.apps.localhost', 400],
  ['a path behind it', 'ada.apps.localhost/x', 400],
  ['an escape', 'ada%2Eapps.localhost', 400],
  ['bytes outside of ASCII', 'ad\xe4.apps.localhost', 400],
  ['several names', 'ada.apps.localhost, gateway', 400],
])('a host with %s reaches neither the gateway nor a program', async (_, host, status) => {
  for (const path of ['/', '/healthz', '/session', '/apps/ada/']) {
    const answer = await get(host, path, `X-API-Key: ${API_KEY}\r\n`);
    expect(answer.status).toBe(status);
    expect(Object.keys(JSON.parse(answer.body) as object)).toEqual(['error', 'message']);
  }
  expect(seen).toBeUndefined();
});

test.each([
  'localhost:8000',
  '127.0.0.1:8000',
  '[::1]:8000',
  '',
  'apps.localhost.example',
  'xapps.localhost',
  'gateway',
])('the host %j is of the gateway itself', async (host) => {
  expect((await get(host, '/healthz')).status).toBe(200);
  expect((await get(host, '/apps/ada/')).body).toBe('the program');
  expect(seen?.headers['x-forwarded-prefix']).toBe('/apps/ada');
});

test.each([
  ['several hosts', `GET / HTTP/1.1\r\nHost: gateway\r\nHost: ${ADA}\r\n${CLOSE}\r\n`],
  ['several hosts, the program first', `GET / HTTP/1.1\r\nHost: ${ADA}\r\nHost: gateway\r\n${CLOSE}\r\n`],
  ['several equal hosts', `GET / HTTP/1.1\r\nHost: ${ADA}\r\nhost: ${ADA}\r\n${CLOSE}\r\n`],
  ['a URL of another host', `GET http://gateway/session HTTP/1.1\r\nHost: ${ADA}\r\n${CLOSE}\r\n`],
  ['a URL of a program at the gateway', `GET http://${ADA}/ HTTP/1.1\r\nHost: gateway\r\n${CLOSE}\r\n`],
  ['a URL and no host', `GET http://${ADA}/ HTTP/1.0\r\n\r\n`],
  ['no host', `GET / HTTP/1.1\r\n${CLOSE}\r\n`],
  ['the whole server as its target', `OPTIONS * HTTP/1.1\r\nHost: ${ADA}\r\n${CLOSE}\r\n`],
  ['a URL that is not of HTTP', `GET ftp://${ADA}/ HTTP/1.1\r\nHost: ${ADA}\r\n${CLOSE}\r\n`],
])('a request with %s is refused', async (_, bytes) => {
  expect((await exchange(bytes)).status).toBe(400);
  expect(seen).toBeUndefined();
});

test('a request of HTTP/1.0 without a host is for the gateway', async () => {
  expect((await exchange('GET /healthz HTTP/1.0\r\n\r\n')).status).toBe(200);
});

test.each([
  [`http://${ADA}/x?y=1`, '/x?y=1'],
  [`HTTP://ADA.apps.localhost:8000/x`, '/x'],
  [`http://${ADA}`, '/'],
  [`http://${ADA}?y=1`, '/?y=1'],
])('the URL %s as the target of a request is its path', async (url, path) => {
  expect((await exchange(`GET ${url} HTTP/1.1\r\nHost: ${ADA}\r\n${CLOSE}\r\n`)).status).toBe(200);
  expect(seen?.url).toBe(path);
});

test('the header X-Forwarded-Host neither leads to a program nor away from one', async () => {
  expect((await get('gateway', '/healthz', `X-Forwarded-Host: ${ADA}\r\n`)).body).toContain('alive');
  await get(ADA, '/healthz', 'X-Forwarded-Host: gateway\r\n');
  expect(seen?.headers['x-forwarded-host']).toBe(ADA);
});

test('the program sees its own host, its cookies and keys, and nothing that opens the gateway', async () => {
  const cookies = 'a=1; orchestration_session=x; __Host-orchestration_session=y; __Host-b="2"; c';
  const own = 'X-API-Key: of-the-program\r\nX-Forwarded-Prefix: /x\r\n';
  await get(
    ADA,
    '/',
    `Cookie: ${cookies}\r\nAuthorization: Bearer ${API_KEY}\r\nOrigin: http://${ADA}\r\n${own}`,
  );
  expect(seen?.headers).toMatchObject({
    host: ADA,
    origin: `http://${ADA}`,
    cookie: 'a=1; __Host-b="2"; c',
    'x-api-key': 'of-the-program',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': ADA,
    'x-forwarded-proto': 'http',
  });
  for (const name of ['authorization', 'x-forwarded-prefix']) expect(seen?.headers).not.toHaveProperty(name);
  await get(ADA, '/', `X-API-Key: ${API_KEY}\r\nCookie: orchestration_session=x\r\n`);
  for (const name of ['x-api-key', 'cookie']) expect(seen?.headers).not.toHaveProperty(name);
  await get(ADA, '/', `X-API-Key: x\r\nX-API-Key: ${API_KEY}\r\n`);
  expect(seen?.headers).not.toHaveProperty('x-api-key');
});

test('its cookies are for its own host', async () => {
  onRequest = (_, response) =>
    response
      .setHeader('Set-Cookie', [
        'a=1; Domain=apps.localhost; Path=/x; HttpOnly',
        'b=2;DOMAIN =.localhost;Domain=x; SameSite=Lax',
        'domain=3; Max-Age=9',
        '__Host-d=4; Secure; Path=/; Domain',
        '__Secure-e=5; Secure; domain=""',
      ])
      .end();
  const { headers } = await get(ADA);
  expect(headers['set-cookie']).toEqual([
    'a=1; Path=/x; HttpOnly',
    'b=2; SameSite=Lax',
    'domain=3; Max-Age=9',
    '__Host-d=4; Secure; Path=/',
    '__Secure-e=5; Secure',
  ]);
});

test.each([
  ['"storage", "cache"', ['"storage", "cache"']],
  ['"*"', ['"cache", "storage", "executionContexts"']],
  ['"cookies"', undefined],
  ['"cookies","storage"', ['"storage"']],
])('it clears %s of its own, and cookies of no other host', async (value, expected) => {
  onRequest = (_, response) => response.setHeader('Clear-Site-Data', value).end();
  expect((await get(ADA)).headers['clear-site-data']).toEqual(expected);
});

test('its headers about its own origin are kept; those for proxies and TLS are not', async () => {
  const own = {
    'content-security-policy': "default-src 'self'",
    'service-worker-allowed': '/',
    'reporting-endpoints': 'a="/b"',
    'origin-agent-cluster': '?1',
  };
  const removed = {
    'Alt-Svc': 'x',
    'X-Accel-Redirect': '/x',
    'X-Sendfile': '/x',
    'Strict-Transport-Security': 'x',
  };
  onRequest = (_, response) => response.writeHead(200, { ...own, ...removed, 'Keep-Alive': 'x' }).end();
  const { headers } = await get(ADA);
  for (const [name, value] of Object.entries(own)) expect(headers[name]).toEqual([value]);
  for (const name of [...Object.keys(removed), 'Keep-Alive'])
    expect(headers).not.toHaveProperty(name.toLowerCase());
});

test.each([
  ['its own URL', `http://${ADA}/items/?x#y`, '/items/?x#y'],
  ['its own URL over TLS', `https://${ADA}/items/`, '/items/'],
  ['the address at which the gateway reaches it', 'INTERNAL/items/', '/items/'],
  ['a path', '/items/', '/items/'],
  ['a relative path', 'items/', 'items/'],
  ['two slashes in the path', `http://${ADA}//other.example/`, `http://${ADA}//other.example/`],
  ['a backslash in the path', `http://${ADA}/\\other.example/`, `http://${ADA}/\\other.example/`],
  ['another program', 'http://bob.apps.localhost:8000/', 'http://bob.apps.localhost:8000/'],
  ['another site', 'https://other.example/x', 'https://other.example/x'],
])('a redirect to %s leads there', async (_, location, expected) => {
  const internal = `http://127.0.0.1:${(program.address() as AddressInfo).port}`;
  onRequest = (_, response) =>
    response.writeHead(302, { Location: location.replace('INTERNAL', internal) }).end();
  expect((await get(ADA)).headers['location']).toEqual([expected]);
});

test('a WebSocket is passed through, with its path and cookies', async () => {
  const client = new WebSocket(`${gateway.url}/ws/code?room=1`, {
    headers: { Host: ADA, Cookie: 'a=1', Origin: `http://${ADA}` },
  });
  await once(client, 'open');
  client.send('hello');
  const [data] = (await once(client, 'message')) as [Buffer];
  expect(data.toString()).toBe('echo hello');
  expect(seen?.url).toBe('/ws/code?room=1');
  expect(seen?.headers).toMatchObject({ host: ADA, cookie: 'a=1', origin: `http://${ADA}` });
  client.terminate();
});

test.each([
  ['bob.apps.localhost', 404],
  ['apps.localhost', 404],
  ['x@ada.apps.localhost', 400],
])('a WebSocket at %s is refused', async (Host, status) => {
  const client = new WebSocket(`${gateway.url}/ws/code`, { headers: { Host, 'X-API-Key': API_KEY } });
  const [error] = (await once(client, 'error')) as [Error];
  expect(error.message).toContain(String(status));
});

test('both ways to a program share its limit', async () => {
  const held: (() => void)[] = [];
  const arrived = new Promise<void>((resolve) => {
    onRequest = (_, response) => {
      if (held.push(() => response.end()) === 2) resolve();
    };
  });
  const ended = [get(ADA), get('gateway', '/apps/ada/')];
  await arrived;
  expect((await get(ADA)).status).toBe(429);
  expect((await get('gateway', '/apps/ada/')).status).toBe(429);
  expect((await get('bob.apps.localhost')).status).toBe(404);
  for (const end of held) end();
  expect((await Promise.all(ended)).map(({ status }) => status)).toEqual([200, 200]);
});

test('framing is checked as everywhere', async () => {
  const body = 'GET /smuggled HTTP/1.1\r\n\r\n';
  const bytes = `GET / HTTP/1.1\r\nHost: ${ADA}\r\nConnection: content-length\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  expect((await exchange(bytes)).status).toBe(400);
  expect(seen).toBeUndefined();
});

describe('below /apps/', () => {
  const NAVIGATION = 'Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n';

  test.each([
    ['/apps/ada/x/?y=1', `http://${ADA}/x/?y=1`],
    ['/apps/ada//other.example', `http://${ADA}//other.example`],
    ['/apps/ada', `http://${ADA}/`],
    ['/apps/ada?y=1', `http://${ADA}/?y=1`],
    ['/apps/bob/', 'http://bob.apps.localhost:8000/'],
  ])('a browser that opens %s is sent to %s', async (path, location) => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await get('localhost:8000', path, NAVIGATION, method);
      expect([status, headers['location'], headers['cache-control']]).toEqual([
        307,
        [location],
        ['no-store'],
      ]);
      expect(headers['vary']).toEqual(['Sec-Fetch-Mode, Sec-Fetch-Dest']);
    }
    expect(seen).toBeUndefined();
  });

  test.each([
    ['curl', 'GET', ''],
    ['a form', 'POST', `${NAVIGATION}Content-Length: 0\r\n`],
    ['a frame', 'GET', 'Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n'],
    ['a script', 'GET', 'Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n'],
  ])('%s gets the sandboxed page', async (_, method, headers) => {
    const answer = await get('localhost:8000', '/apps/ada/', headers, method);
    expect(answer).toMatchObject({ status: 200, body: 'the program' });
    expect(answer.headers['content-security-policy']?.[0]).toMatch(/^sandbox (?!.*allow-same-origin)/);
  });

  test.each(['xn--a', 'Not_A_User', '..'])(
    'a browser that opens the program of %s is not redirected',
    async (user) => {
      expect((await get('localhost:8000', `/apps/${user}/`, NAVIGATION)).status).toBe(404);
    },
  );
});

describe('the API', () => {
  const login = async () => {
    const response = await fetch(`${gateway.url}/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ key: API_KEY }),
    });
    return `Cookie: ${response.headers.getSetCookie()[0]!.split(';')[0]}\r\n`;
  };

  test('accepts the cookie from no origin of a program', async () => {
    const cookie = await login();
    const host = new URL(gateway.url).host;
    expect((await get(host, '/session', `${cookie}Origin: http://${host}\r\n`)).status).toBe(200);
    for (const header of [
      `Origin: http://${ADA}`,
      'Sec-Fetch-Site: same-site',
      'Sec-Fetch-Site: cross-site',
    ]) {
      const refused = await get(host, '/session', `${cookie}${header}\r\n`);
      expect(refused.status).toBe(403);
      expect(refused.head).not.toMatch(/access-control/i);
    }
    const preflight = `Origin: http://${ADA}\r\nAccess-Control-Request-Method: POST\r\n`;
    expect((await get(host, '/login', preflight, 'OPTIONS')).head).not.toMatch(/access-control/i);
  });

  test('is not served at the origin of a program, with its own Origin either', async () => {
    const own = `${await login()}Origin: http://${ADA}\r\nX-API-Key: ${API_KEY}\r\n`;
    expect((await get(ADA, '/session', own)).body).toBe('the program');
    expect((await get('bob.apps.localhost', '/session', own)).status).toBe(404);
  });

  test('names the origin of a program', async () => {
    const { body } = await get('gateway', '/api/users/ada/live', `X-API-Key: ${API_KEY}\r\n`);
    expect(JSON.parse(body)).toMatchObject({ state: 'ready', url: `http://${ADA}/` });
  });
});
