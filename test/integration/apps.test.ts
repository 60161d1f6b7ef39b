import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import WebSocket from 'ws';
import { eventually } from './eventually';
import { kubectl } from './kubectl';
import { server, submit, Users } from './deployed';
import { sharedPlatform } from './platform';

/** A user's production over HTTP: its state, and the program itself through the gateway. */

const users = new Users('apps');
const platform = sharedPlatform();
const base = platform.url.replace(/^ws/, 'http').replace('/ws/code', '');

afterAll(async () => {
  await users.remove();
});

const liveOf = async (user: string) => {
  const headers = { 'X-API-Key': platform.apiKey };
  const response = await fetch(`${base}/api/users/${user}/live`, { headers });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
};

test('a serving program is reached at the gateway, and what is live is told', async () => {
  const user = users.another();
  expect(await liveOf(user)).toMatchObject({ state: 'nothing', live: null, since: null });
  expect((await fetch(`${base}/apps/${user}/`)).status).toBe(404);

  const final = await submit(platform, user, server('through the gateway'));
  expect(final).toMatchObject({ status: 'deployed' });
  let response = await fetch(`${base}/apps/${user}/any/path`);
  for (const deadline = Date.now() + 30_000; response.status === 503 && Date.now() < deadline;) {
    await wait(100);
    response = await fetch(`${base}/apps/${user}/any/path`);
  }
  expect([response.status, await response.text()]).toEqual([200, 'through the gateway']);
  const live = await liveOf(user);
  expect(live).toMatchObject({
    state: 'ready',
    live: { submission_id: final.submission_id, workflow_id: final.workflow_id, run_id: final.run_id },
    rolling_out: null,
  });
  expect(Date.now() - Date.parse(String(live.since))).toBeLessThan(60_000);

  const completes = await submit(platform, user, "print('done')");
  expect(completes).toMatchObject({ status: 'deployed' });
  // The node's proxy detects the deletion of the previous program with a delay.
  const statusNow = async () => (await fetch(`${base}/apps/${user}/`)).status;
  for (const deadline = Date.now() + 30_000; (await statusNow()) !== 503 && Date.now() < deadline;)
    await wait(100);
  expect(await statusNow()).toBe(503);
  // The new pod also answers 503, while the previous one still exists.
  await eventually(async () =>
    expect(await liveOf(user)).toMatchObject({
      state: 'completed',
      live: { submission_id: completes.submission_id },
    }),
  );
});

test('a program is replaced by one that takes long to listen: no request fails, the slow ones neither', async () => {
  const user = users.another();
  const program = (answer: string, secondsToListen: number) => `
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

time.sleep(${secondsToListen})

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(6 if self.path == "/slow" else 0)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"${answer}")

ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
`;
  const answerAt = async (path: string) => {
    const response = await fetch(`${base}/apps/${user}${path}`, { headers: { connection: 'close' } });
    return `${response.status} ${response.ok ? await response.text() : ''}`;
  };
  expect(await submit(platform, user, program('old', 0))).toMatchObject({ status: 'deployed' });
  await eventually(async () => expect(await answerAt('/')).toBe('200 old'));
  const answers = new Set<string>();
  const over = new AbortController();
  const every = async (path: string, ms: number) => {
    const asked: Promise<void>[] = [];
    for (; !over.signal.aborted; await wait(ms))
      asked.push(answerAt(path).then((answer) => void answers.add(answer)));
    await Promise.all(asked);
  };
  const requests = [every('/', 50), every('/slow', 500)];
  // Longer than a program that does not serve needs to become ready.
  expect(await submit(platform, user, program('new', 7))).toMatchObject({ status: 'deployed' });
  await wait(3_000);
  over.abort();
  await Promise.all(requests);
  expect([...answers].sort()).toEqual(['200 new', '200 old']);
  expect(await answerAt('/')).toBe('200 new');
});

test('a WebSocket reaches a program at the gateway', async () => {
  const user = users.another();
  // The handshake of RFC 6455 without a library, which the image does not contain, and one text frame.
  const talks = `
import base64, hashlib, os, socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.rfile.readline()
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        self.wfile.write(f"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: {accept}\\r\\n\\r\\n".encode())
        text = b'{"type": "hello"}'
        self.wfile.write(bytes([0x81, len(text)]) + text)
        self.rfile.read(1)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("", int(os.environ["PORT"])), Handler).serve_forever()
`;
  expect(await submit(platform, user, talks)).toMatchObject({ status: 'deployed' });
  const url = `${base.replace(/^http/, 'ws')}/apps/${user}/`;
  const connect = async (): Promise<string> => {
    const client = new WebSocket(url, { headers: { 'X-API-Key': platform.apiKey } });
    try {
      const [message] = (await once(client, 'message')) as [Buffer];
      return message.toString();
    } catch (error) {
      return (error as Error).message;
    } finally {
      client.on('error', () => undefined).terminate(); // A connection that never opened emits an error.
    }
  };
  // The node's proxy detects a new Service with a delay after its pod is ready.
  let said = await connect();
  for (
    const deadline = Date.now() + 30_000;
    said.includes('503') && Date.now() < deadline;
    said = await connect()
  )
    await wait(100);
  expect(said).toBe('{"type": "hello"}');
});

/** Sends a request to a program at its own origin. Node resolves no host of `localhost` but that itself. */
const atOrigin = async (user: string, path: string, headers: Record<string, string> = {}) => {
  const { port, hostname } = new URL(base);
  const Host = `${user}.apps.localhost:${port}`;
  const sent = get({ hostname, port, path, headers: { Host, ...headers }, agent: false });
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
};

/** Counts the visits of a browser by a cookie, redirects as frameworks do, and talks over WebSockets. */
const visits = (name: string) => `
import base64, hashlib, os
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade") == "websocket":
            return self.talk()
        if self.path == "/login":
            return self.answer(302, "", ("Location", f"http://{self.headers['Host']}/"))
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        visits = 1 + int(cookies["visits"].value if "visits" in cookies else 0)
        cookie = f"visits={visits}; Path=/; Domain=apps.localhost"
        self.answer(200, f"${name} {self.path} {visits} {self.headers['X-Forwarded-Host']}", ("Set-Cookie", cookie))

    def answer(self, status, text, header):
        self.send_response(status)
        self.send_header(*header)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def talk(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        text = f"${name} {self.path} {self.headers.get('Cookie')}".encode()
        self.wfile.write(bytes([0x81, len(text)]) + text)
        self.rfile.read(1)
        self.close_connection = True

ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
`;

test('each program has its own origin, with cookies, redirects and WebSockets', async () => {
  const [ada, bob] = [users.another(), users.another()];
  const finals = await Promise.all([
    submit(platform, ada, visits('first')),
    submit(platform, bob, visits('second')),
  ]);
  const { port } = new URL(base);
  const origins = [ada, bob].map((user) => `http://${user}.apps.localhost:${port}`);
  expect(finals).toMatchObject(origins.map((origin) => ({ status: 'deployed', url: `${origin}/` })));
  expect(await liveOf(ada)).toMatchObject({ url: `${origins[0]}/` });
  for (const user of [ada, bob])
    await eventually(async () => expect((await atOrigin(user, '/')).status).toBe(200));

  // The whole path is the program's, also where the gateway has its own routes.
  const hosts = origins.map((origin) => new URL(origin).host);
  expect((await atOrigin(ada, '/api/submissions')).body).toBe(`first /api/submissions 1 ${hosts[0]}`);
  expect((await atOrigin(bob, '/session')).body).toBe(`second /session 1 ${hosts[1]}`);
  const { headers, body } = await atOrigin(ada, '/', { Cookie: 'visits=41' });
  expect(body).toBe(`first / 42 ${hosts[0]}`);
  expect(headers['set-cookie']).toEqual(['visits=42; Path=/']);
  expect(headers).not.toHaveProperty('content-security-policy');
  expect((await atOrigin(ada, '/login')).headers.location).toBe('/');

  const client = new WebSocket(`${base.replace(/^http/, 'ws')}/ws/code?x`, {
    headers: { Host: hosts[1]!, Cookie: 'visits=1' },
  });
  const [message] = (await once(client, 'message')) as [Buffer];
  expect(message.toString()).toBe('second /ws/code?x visits=1');
  client.terminate();

  // Below /apps/, browsers are sent there; other clients get the program without cookies.
  const navigation = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };
  const sent = get(`${base}/apps/${ada}/x?y=1`, { headers: navigation, agent: false });
  const [redirect] = (await once(sent, 'response')) as [IncomingMessage];
  redirect.resume();
  expect([redirect.statusCode, redirect.headers.location]).toEqual([307, `${origins[0]}/x?y=1`]);
  const response = await fetch(`${base}/apps/${ada}/x`, { headers: { Cookie: 'visits=41' } });
  expect([await response.text(), response.headers.get('set-cookie')]).toEqual([
    `first /x 1 ${new URL(base).host}`,
    null,
  ]);
});

test('a host of the domain that has no program is not of the gateway', async () => {
  for (const user of [users.another(), 'not_a_user', 'x.y'])
    for (const path of ['/', '/healthz', '/api/languages'])
      expect((await atOrigin(user, path, { 'X-API-Key': platform.apiKey })).status).toBe(404);
});

test('the rights of the gateway change nothing', async () => {
  const as = '--as=system:serviceaccount:orchestration-system:orchestration-gateway';
  const may = (verb: string, what: string) =>
    kubectl('auth', 'can-i', verb, what, '-A', as).then(
      (said) => said.trim(),
      (error: { stdout: string }) => error.stdout.trim(),
    );
  for (const verb of ['create', 'patch', 'update', 'delete'])
    for (const what of ['deployments.apps', 'services', 'pods']) expect(await may(verb, what)).toBe('no');
  expect(await may('get', 'secrets')).toBe('no');
});
