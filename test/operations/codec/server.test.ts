import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { codecServer } from '../../../operations/codec/server';
import { encryptionCodec } from '../../../infrastructure/temporal/codec';

const codec = encryptionCodec([{ id: 'k1', bytes: randomBytes(32) }]);
const token = 'a token of some length';
const origin = 'https://temporal.example.com';
let server: Server;
let url: string;

beforeAll(async () => {
  server = codecServer({ codec, origin, token }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => void server.close());

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const plain = {
  metadata: { encoding: Buffer.from('json/plain').toString('base64') },
  data: Buffer.from('"Hello"').toString('base64'),
};

test('what it encodes it decodes, and what is not encrypted stays as it is', async () => {
  const { payloads } = (await (await post('/encode', { payloads: [plain] })).json()) as {
    payloads: object[];
  };
  expect(JSON.stringify(payloads)).not.toContain(plain.data);
  const decoded = await post('/decode', { payloads: [...payloads, plain] }, { 'X-Namespace': 'default' });
  expect(await decoded.json()).toEqual({ payloads: [plain, plain] });
});

test('pages of the Web UI may ask, with what they know of their user', async () => {
  const { status, headers } = await fetch(`${url}/decode`, {
    method: 'OPTIONS',
    headers: { Origin: origin },
  });
  expect(status).toBe(204);
  expect(headers.get('access-control-allow-origin')).toBe(origin);
  expect(headers.get('access-control-allow-credentials')).toBe('true');
  expect(headers.get('access-control-allow-headers')).toContain('X-Namespace');
});

test('who does not know the token learns nothing', async () => {
  for (const authorization of ['', 'Bearer another', `Basic ${token}`])
    expect((await post('/decode', { payloads: [plain] }, { Authorization: authorization })).status).toBe(401);
});

test.each([
  ['no JSON', '{', 400],
  ['no payloads', {}, 400],
  ['no base64', { payloads: [{ metadata: {}, data: '%' }] }, 400],
  ['a key that it does not have', { payloads: [encryptedBy('k9')] }, 400],
])('%s is an error that says so', async (_, body, status) => {
  const response = await post('/decode', body);
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({ error: expect.any(String) as string });
});

test('other paths and methods are refused', async () => {
  expect((await post('/', {})).status).toBe(404);
  expect((await fetch(`${url}/decode`)).status).toBe(405);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

function encryptedBy(id: string) {
  const text = (value: string) => Buffer.from(value).toString('base64');
  return {
    metadata: { encoding: text('binary/encrypted'), 'encryption-key-id': text(id) },
    data: randomBytes(60).toString('base64'),
  };
}
