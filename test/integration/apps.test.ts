import { once } from 'node:events';
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

test('the rights of the gateway are enough for this, and change nothing', async () => {
  const as = '--as=system:serviceaccount:orchestration-system:orchestration-gateway';
  const may = (verb: string, what: string) =>
    kubectl('auth', 'can-i', verb, what, '-A', as).then(
      (said) => said.trim(),
      (error: { stdout: string }) => error.stdout.trim(),
    );
  expect(await may('get', 'deployments.apps')).toBe('yes');
  for (const verb of ['create', 'patch', 'update', 'delete'])
    for (const what of ['deployments.apps', 'services', 'pods']) expect(await may(verb, what)).toBe('no');
  expect(await may('get', 'secrets')).toBe('no');
});
