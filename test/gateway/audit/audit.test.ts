import type { IncomingMessage } from 'node:http';
import pino from 'pino';
import WebSocket from 'ws';
import { once } from 'node:events';
import type { AuditEvent } from '../../../gateway/audit/audit';
import { auditDocument } from '../../../gateway/audit/document';
import { clientAddress } from '../../../gateway/auth/clientAddress';
import { Refusals } from '../../../gateway/audit/refusals';
import { DEFAULT_LIMITS } from '../../../gateway/limits';
import { startServer, type RunningServer } from '../../../gateway/server';
import { actionsTemplate } from '../../../infrastructure/elasticsearch/actionsTemplate';
import { faultsOfDocument } from '../../infrastructure/elasticsearch/ecs';
import { FakeSubmissions } from '../fakeSubmissions';
import { directoryOf, keyOf } from '../auth/directory';
import { rules } from '../protocol/rules';

/** The audit log contains every call that changes something, and every call whose key was refused. */

const API_KEY = 'a key for the tests only';
const owner = keyOf('aaaaaaaaaaaa', { userId: 'test' });
const { properties } = actionsTemplate('a', { patterns: ['a'], lifecycle: null }).template.mappings;

let server: RunningServer;
let noted: { asked: AuditEvent; document: Record<string, unknown> }[];

beforeEach(async () => {
  noted = [];
  server = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    {
      ...{ submissions: new FakeSubmissions(), rules, keys: directoryOf([owner]), limits: DEFAULT_LIMITS },
      logger: pino({ level: 'silent' }),
      audit: {
        note: (request, asked) => {
          const document = { ...auditDocument(request, asked, clientAddress(['loopback'])(request)) };
          noted.push({ asked, document });
        },
      },
    },
  );
});

afterEach(async () => {
  await server.close();
  for (const { document } of noted) expect(faultsOfDocument(document, properties)).toEqual([]);
});

const call = (method: string, path: string, body?: object, headers: object = { 'X-API-Key': API_KEY }) =>
  fetch(`${server.url}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', 'User-Agent': 'tests', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });

test('a submission, with who sent it, from where, and what came of it', async () => {
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
  const body = { user_id: 'test', code: 'hang', submission_id: 's1' };
  await call('POST', '/api/submissions', body, { 'X-API-Key': owner.key, traceparent });
  expect(noted).toHaveLength(1);
  expect(noted[0]!.document).toMatchObject({
    event: { action: 'api.submit', category: ['api'], type: ['creation'], outcome: 'success' },
    source: { ip: '127.0.0.1' },
    http: { request: { method: 'POST' }, response: { status_code: 202 } },
    url: { path: '/api/submissions' },
    user_agent: { original: 'tests' },
    user: { id: 'test' },
    key: { id: 'aaaaaaaaaaaa' },
    orchestrator: { namespace: 'user-test' },
    submission: { id: 's1' },
    temporal: { workflow_id: 'w', run_id: expect.any(String) as string },
    trace: { id: 'ab'.repeat(16) },
  });
  expect(JSON.stringify(noted)).not.toContain(owner.key);
});

test.each([
  ['POST', '/api/submissions', { user_id: 'eve', code: 'x' }, owner.key, 'api.forbidden', 403],
  ['POST', '/api/submissions', { user_id: 'test' }, owner.key, 'api.submit', 400],
  ['POST', '/api/submissions/unknown/cancel', undefined, owner.key, 'api.cancel', 404],
  ['GET', '/api/users/eve/live', undefined, owner.key, 'api.forbidden', 403],
  ['GET', '/api/submissions', undefined, 'wrong', 'api.refused', 401],
])('%s %s %j is noted as what it is', async (method, path, body, key, action, status) => {
  const response = await call(method, path, body, { 'X-API-Key': key });
  expect(response.status).toBe(status);
  expect(noted.map(({ asked }) => asked)).toMatchObject([
    { action, status, error: { code: expect.any(String) as string } },
  ]);
});

test('what only reads is not noted', async () => {
  await call('GET', '/api/submissions');
  await call('GET', '/healthz');
  await call('POST', '/nowhere', {}, {});
  expect(noted).toEqual([]);
});

test('logins that were let in and that were not, and the end of one', async () => {
  await call('POST', '/login', { key: 'wrong' });
  const login = await call('POST', '/login', { key: owner.key });
  const cookie = login.headers.get('set-cookie')!.split(';', 1)[0]!;
  await call('POST', '/logout', undefined, { Cookie: cookie, Origin: server.url });
  expect(noted.map(({ asked: { action, status, principal } }) => [action, status, principal?.keyId])).toEqual(
    [
      ['api.login', 401, undefined],
      ['api.login', 200, 'aaaaaaaaaaaa'],
      ['api.logout', 204, 'aaaaaaaaaaaa'],
    ],
  );
});

test('messages of a WebSocket that change something, and a WebSocket that was refused', async () => {
  const url = `${server.url.replace('http', 'ws')}/ws/code`;
  const refused = new WebSocket(url, { headers: { 'X-API-Key': 'wrong' } });
  await once(refused, 'error');
  const socket = new WebSocket(url, { headers: { 'X-API-Key': owner.key } });
  await once(socket, 'open');
  const answered = async (message: object) => {
    socket.send(JSON.stringify(message));
    await once(socket, 'message');
  };
  await answered({ user_id: 'test', code: 'hang', submission_id: 's1' });
  await answered({ user_id: 'eve', code: 'x', submission_id: 's2' });
  await answered({ type: 'status', submission_id: 's1' });
  socket.terminate();
  const told = noted.map(({ asked: { action, submissionId, userId, error } }) => [
    action,
    submissionId,
    userId,
    error?.code,
  ]);
  expect(told).toEqual([
    ['api.refused', undefined, undefined, 'unauthorized'],
    ['api.submit', 's1', 'test', undefined],
    ['api.submit', 's2', 'eve', 'forbidden'],
  ]);
});

test('an address without a key is heard so often a minute, and what was not noted is counted', () => {
  let now = 0;
  const refusals = new Refusals(() => now);
  const noted = [...Array(25).keys()].map(() => refusals.take('1.2.3.4').noted);
  expect(noted.filter(Boolean)).toHaveLength(20);
  expect(refusals.take('5.6.7.8').noted).toBe(true);
  now = 60_000;
  expect(refusals.take('1.2.3.4')).toEqual({ noted: true, suppressed: 5 });
  for (let n = 0; n < 2_000; n++) refusals.take(`10.0.0.${n}`);
  now = 200_000;
  expect(refusals.sweep()).toEqual([['others', expect.any(Number)]]);
});

test('the id of a document is its own', () => {
  const request = { headers: {}, socket: {}, method: 'POST', url: '/x?key=secret' } as IncomingMessage;
  const asked = { action: 'api.submit', principal: null };
  const [one, other] = [1, 2].map(() => auditDocument(request, asked, '192.0.2.1'));
  expect(one!._id).not.toBe(other!._id);
  expect(JSON.stringify(one)).not.toContain('secret');
});
