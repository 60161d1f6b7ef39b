import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Upstream } from '../../local-stack/packageIndex/upstream';
import { PackageIndex } from '../../local-stack/parts/packageIndex';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const json = 'application/vnd.pypi.simple.v1+json';

/** The contents of the machine's index, by path: type and content. */
const pages: Record<string, [type: string, content: string]> = {
  '/simple/six/': [
    'text/html',
    `<a href="../../hidden/six.whl#sha256=${sha256('wheel')}" data-requires-python="&gt;=3" data-yanked="broken">six-1-py3-none-any.whl</a>
     <a href="/no-hash">six-2-py3-none-any.whl</a> <a href="/x#sha256=${sha256('x')}">../../etc/passwd</a>`,
  ],
  '/hidden/six.whl': ['application/octet-stream', 'wheel'],
  '/simple/lies/': [
    json,
    JSON.stringify({
      files: [{ filename: 'lies-1.whl', url: '/hidden/six.whl', hashes: { sha256: sha256('other') } }],
    }),
  ],
  '/secret': ['text/plain', 'not a package'],
};

let server: Server;
let index: PackageIndex;
let cache: string;
const asked: string[] = [];

beforeAll(async () => {
  server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const [type, content] = pages[url] ?? [];
    response.writeHead(type ? 200 : 404, { 'content-type': type ?? 'text/plain' }).end(content);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const upstream = new Upstream(`http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`);
  cache = mkdtempSync(join(tmpdir(), 'packages-'));
  index = new PackageIndex({ host: '127.0.0.1', port: 0 }, 'token', upstream, cache);
  await index.start();
});

afterAll(async () => {
  await index.stop();
  server.close();
  rmSync(cache, { recursive: true });
});

async function get(path: string, { user = 'worker:token', method = 'GET' } = {}) {
  const url = new URL(path, `http://${new URL(index.url).host}`);
  const headers = { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
  const response = await fetch(url, { method, headers });
  return { status: response.status, text: await response.text() };
}

test('lists the files of a project that have a hash, with links to itself', async () => {
  expect((await get('/simple/six/')).text).toBe(
    `<!DOCTYPE html>
<title>Links</title>
<a href="/files/six/six-1-py3-none-any.whl#sha256=${sha256('wheel')}" data-requires-python="&gt;=3" data-yanked="broken">six-1-py3-none-any.whl</a><br>
`,
  );
});

test('serves a file that it listed, and fetches it once', async () => {
  expect(await get('/files/six/six-1-py3-none-any.whl')).toEqual({ status: 200, text: 'wheel' });
  await get('/files/six/six-1-py3-none-any.whl');
  expect(asked.filter((url) => url === '/hidden/six.whl')).toHaveLength(1);
});

test('a file that is not what its index says is not served', async () => {
  const { status, text } = await get('/files/lies/lies-1.whl');
  expect(status).toBe(502);
  expect(text).toMatch(/its SHA-256 is another/);
});

test.each([
  ['a file that is not listed', '/files/six/six-2-py3-none-any.whl', 404],
  ['another page of the index', '/secret', 404],
  ['a path that leads elsewhere', '/simple/..%2Fsecret/', 404],
  ['an address as a name', '/simple/http:%2F%2F127.0.0.1%2Fsecret/', 404],
  ['a project that there is not', '/simple/nope/', 404],
])('%s is not there', async (_, path, status) => {
  expect((await get(path)).status).toBe(status);
  expect(asked).not.toContain('/secret');
});

test('answers nobody without the token, and no other method', async () => {
  expect((await get('/simple/six/', { user: 'worker:guess' })).status).toBe(401);
  expect((await get('/simple/six/', { method: 'POST' })).status).toBe(405);
});

test('says so when the index of the machine cannot be reached', async () => {
  const upstream = new Upstream('http://user:password@127.0.0.1:9/simple');
  expect(await upstream.trouble()).toMatch(/^http:\/\/127\.0\.0\.1:9\/simple\/pip\/ cannot be reached: /);
});
