import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import pino from 'pino';
import { WebSocket } from 'ws';
import { clientAddress } from '../../../gateway/auth/clientAddress';
import { DEFAULT_LIMITS, type Limits } from '../../../gateway/limits';
import { createAccess } from '../../../gateway/auth/access';
import { startServer, type RunningServer } from '../../../gateway/server';
import {
  SubmissionNotFound,
  type Submission,
  type Submissions,
} from '../../../gateway/submissions/submissionService';
import type { SubmissionFilter } from '../../../gateway/protocol/filter';
import type { SubmissionRecord } from '../../../gateway/protocol/submissionRecord';
import { rules } from '../protocol/rules';
import { directoryOf, keyOf } from '../auth/directory';

const API_KEY = 'a key for the tests only';
const alice = keyOf('aaaaaaaaaaaa', { userId: 'alice' });
const logger = pino({ level: 'silent' });

/** Every submission exists and belongs to Bob; calls are recorded. */
class BobsSubmissions implements Submissions {
  readonly submitted: Submission[] = [];
  readonly cancelled: (string | undefined)[] = [];
  /** The user, and the id of the key. */
  readonly rolledBack: (string | undefined)[][] = [];
  /** The users whose submissions were listed. */
  readonly listed: (string | undefined)[] = [];

  within(userId: string): Submissions {
    const unknown = () => Promise.reject(new SubmissionNotFound('there is none'));
    const names = ['find', 'cancel', 'input', 'status', 'content'];
    return new Proxy<Submissions>(this, {
      get: (target, name): unknown =>
        userId !== 'bob' && names.includes(String(name)) ? unknown : Reflect.get(target, name),
    });
  }
  submit(submission: Submission) {
    this.submitted.push(submission);
    return Promise.reject(new SubmissionNotFound('this one only keeps them'));
  }
  find(submissionId: string) {
    return Promise.resolve({
      submissionId,
      userId: 'bob',
      workflowId: 'w',
      runId: 'r',
      namespace: 'user-bob',
    });
  }
  cancel(_submissionId: string, keyId?: string) {
    this.cancelled.push(keyId);
    return Promise.resolve('requested' as const);
  }
  content(): Promise<Submission> {
    return Promise.reject(new Error('not asked for here'));
  }
  readonly fed: string[] = [];
  input(submissionId: string) {
    this.fed.push(submissionId);
    return Promise.resolve({ received: 0, eof: false });
  }
  status(submissionId: string): Promise<SubmissionRecord> {
    return Promise.resolve({
      ...{ submission_id: submissionId, user_id: 'bob', namespace: 'user-bob', status: 'deployed' },
      ...{ reason: null, message: null, code_digest: null, workflow_id: 'w', run_id: 'r' },
      ...{ accepted_at: '2026-01-01T12:00:00.000Z', closed_at: null },
    });
  }
  list(filter: SubmissionFilter) {
    this.listed.push(filter.user);
    return Promise.resolve({ submissions: [], next_page: null });
  }
  rollBack(userId: string, _submissionId: string, _waitMs: number, keyId?: string) {
    this.rolledBack.push([userId, keyId]);
    return Promise.reject(new SubmissionNotFound('this one only keeps it'));
  }
  operation(userId: string) {
    this.rolledBack.push([userId]);
    return Promise.reject(new SubmissionNotFound('this one only keeps it'));
  }
  async *follow() {}
  ready() {
    return Promise.resolve();
  }
}

let server: RunningServer;
let submissions: BobsSubmissions;
let directory: ReturnType<typeof directoryOf>;
const sockets: WebSocket[] = [];

async function start(limits: Partial<Limits> = {}, addressOf = clientAddress()): Promise<void> {
  submissions = new BobsSubmissions();
  directory = directoryOf([alice]);
  server = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    { submissions, rules, logger, keys: directory, limits: { ...DEFAULT_LIMITS, ...limits }, addressOf },
  );
}

beforeEach(() => start());

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await server.close();
});

function logIn(key: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ key }),
  });
}

async function cookieFor(key: string): Promise<string> {
  const [cookie = ''] = (await logIn(key)).headers.getSetCookie();
  return cookie.split(';', 1)[0] ?? '';
}

function socket(headers: Record<string, string>): WebSocket {
  const opened = new WebSocket(`${server.url}/ws/code`, { headers });
  sockets.push(opened);
  return opened;
}

async function refusal(headers: Record<string, string>): Promise<number | undefined> {
  const refused = socket(headers).on('error', () => undefined);
  const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
  response.resume();
  return response.statusCode;
}

async function answerTo(message: object, headers: Record<string, string>): Promise<object> {
  const asking = socket(headers);
  await once(asking, 'open');
  asking.send(JSON.stringify(message));
  const [data] = (await once(asking, 'message')) as [Buffer];
  return JSON.parse(data.toString()) as object;
}

describe('a login', () => {
  test('gives a cookie that scripts and other sites never get, and a session that says whose it is', async () => {
    const response = await logIn(alice.key);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ key_id: alice.id, user_id: 'alice', admin: false });
    const [cookie = ''] = response.headers.getSetCookie();
    expect(cookie).toMatch(/; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(alice.key);
    const session = await fetch(`${server.url}/session`, { headers: { Cookie: cookie.split(';')[0] ?? '' } });
    expect(await session.json()).toMatchObject({ user_id: 'alice' });
  });

  test('behind TLS, the cookie is sent over TLS only', async () => {
    const response = await logIn(alice.key, { 'X-Forwarded-Proto': 'https' });
    expect(response.headers.getSetCookie()[0]).toContain('; Secure');
  });

  test('with a wrong key is refused, and after ten of them so is every one for a while', async () => {
    for (let n = 0; n < 10; n++) expect((await logIn('wrong')).status).toBe(401);
    const response = await logIn(alice.key);
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
  });

  /** Sends the head of a login, and its body when `send` is called, over a connection of its own. */
  async function slowLogin(key: string) {
    const body = JSON.stringify({ key });
    const client = connect(Number(new URL(server.url).port), '127.0.0.1');
    client.setEncoding('utf8').on('error', () => undefined);
    await once(client, 'connect');
    client.write(
      'POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n' +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`,
    );
    const answer = once(client, 'data').then(([text]) => Number(String(text).split(' ')[1]));
    return { answer, send: () => client.write(body) };
  }

  test('that is one too many is refused before its body arrives', async () => {
    for (let n = 0; n < 10; n++) await logIn('wrong');
    const { answer } = await slowLogin(alice.key);
    expect(await answer).toBe(429);
  });

  test('that began before others failed counts with them', async () => {
    const logins = await Promise.all(Array.from({ length: 15 }, () => slowLogin('wrong')));
    await fetch(`${server.url}/session`); // By now, the heads have arrived.
    for (const { send } of logins) send();
    const answers = await Promise.all(logins.map(({ answer }) => answer));
    expect(answers.filter((status) => status === 401)).toHaveLength(10);
    expect(answers.filter((status) => status === 429)).toHaveLength(5);
  });

  test('with wrong keys shuts out one address, and no other behind the same trusted proxy', async () => {
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    for (let n = 0; n < 10; n++) await logIn('wrong', from(`192.0.2.${n}`));
    expect((await logIn(alice.key, from('192.0.2.99'))).status).toBe(429); // the header is ignored
    await server.close();
    await start({}, clientAddress(['loopback']));
    for (let n = 0; n < 10; n++) await logIn('wrong', from('192.0.2.1'));
    expect((await logIn(alice.key, from('192.0.2.1'))).status).toBe(429);
    expect((await logIn(alice.key, from('192.0.2.2'))).status).toBe(200);
  });

  test('that another site makes is refused', async () => {
    expect((await logIn(alice.key, { Origin: 'https://elsewhere.example' })).status).toBe(403);
  });

  test.each([{}, { key: 7 }, { key: 'x', more: true }])('with the body %j is a bad request', async (body) => {
    const response = await fetch(`${server.url}/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(400);
  });

  test('ends with a logout', async () => {
    const response = await fetch(`${server.url}/logout`, { method: 'POST' });
    expect(response.status).toBe(204);
    expect(response.headers.getSetCookie()[0]).toContain('Max-Age=0');
    expect((await fetch(`${server.url}/session`)).status).toBe(401);
  });

  test('is valid on every gateway with the same API_KEY, and on no other', async () => {
    const token = (await cookieFor(alice.key)).split('=')[1] ?? '';
    expect(createAccess(API_KEY, directory).sessions.read(token)).toMatchObject({ userId: 'alice' });
    expect(createAccess('another key of another place', directory).sessions.read(token)).toBe('invalid');
  });

  test('cannot be prolonged or made another one by its holder', async () => {
    const token = (await cookieFor(alice.key)).split('=')[1] ?? '';
    const [id, expires, mac] = token.split('.');
    const { sessions } = createAccess(API_KEY, directory);
    for (const forged of [
      `bootstrap.${expires}.${mac}`,
      `${id}.${Number(expires) + 1}.${mac}`,
      `${id}.${expires}.`,
    ])
      expect(sessions.read(forged)).toBe('invalid');
  });
});

describe('a WebSocket', () => {
  test('opens with the cookie from the page of the gateway only', async () => {
    const Cookie = await cookieFor(alice.key);
    const opened = socket({ Cookie, Origin: server.url });
    await once(opened, 'open');
    expect(await refusal({ Cookie, Origin: 'https://elsewhere.example' })).toBe(403);
    expect(await refusal({ Cookie, Origin: 'null' })).toBe(403);
    expect(await refusal({ Cookie })).toBe(403);
    expect(await refusal({ Cookie: `${Cookie}x`, Origin: server.url })).toBe(401);
  });

  test.each(['header', 'cookie'])('is closed with 4003 when its key (%s) is revoked', async (by) => {
    const opened = socket(
      by === 'header'
        ? { 'X-API-Key': alice.key }
        : { Cookie: await cookieFor(alice.key), Origin: server.url },
    );
    await once(opened, 'open');
    const closed = once(opened, 'close');
    directory.keys = [];
    expect((await closed)[0]).toBe(4003);
    expect(await refusal({ 'X-API-Key': alice.key })).toBe(401);
  });

  test('is refused with 503 while keys cannot be read', async () => {
    directory.current = false;
    expect(await refusal({ 'X-API-Key': alice.key })).toBe(503);
  });
});

describe("a user's key", () => {
  const headers = { 'X-API-Key': alice.key };

  test('submits for its user and no other', async () => {
    const message = { user_id: 'bob', code: '', submission_id: 'one' };
    expect(await answerTo(message, headers)).toMatchObject({
      type: 'error',
      code: 'forbidden',
      field: 'user_id',
      message: expect.stringContaining('alice') as string,
      submission_id: 'one',
    });
    await answerTo({ ...message, user_id: 'alice' }, headers);
    expect(submissions.submitted).toMatchObject([{ userId: 'alice', requestedBy: alice.id }]);
  });

  test.each([{ type: 'resume' }, { type: 'cancel' }, { type: 'stdin', data: 'x' }])(
    'does not see submissions of others: %j',
    async (asked) => {
      const message = { ...asked, submission_id: 'of-bob' };
      expect(await answerTo(message, headers)).toMatchObject({ code: 'not_found' });
      expect([...submissions.cancelled, ...submissions.fed]).toEqual([]);
    },
  );

  test('differs from an admin key, whose id is told as well', async () => {
    const message = { type: 'cancel', submission_id: 'of-bob' };
    expect(await answerTo(message, { 'X-API-Key': API_KEY })).toMatchObject({ state: 'requested' });
    expect(submissions.cancelled).toEqual(['bootstrap']);
  });
});

describe("over HTTP a user's key", () => {
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { 'X-API-Key': alice.key, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as object };
  };

  test('submits for its user only, and the answer names the field', async () => {
    const refused = await ask('POST', '/api/submissions', { user_id: 'bob', code: 'x' });
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden', field: 'user_id' } });
    expect(submissions.submitted).toEqual([]);
    await ask('POST', '/api/submissions', { user_id: 'alice', code: 'x' });
    expect(submissions.submitted).toMatchObject([{ userId: 'alice', requestedBy: alice.id }]);
  });

  test.each([
    ['GET', '/api/submissions/bobs'],
    ['GET', '/api/submissions/bobs/events'],
    ['GET', '/api/submissions/bobs/output'],
    ['GET', '/api/submissions/bobs/content'],
    ['POST', '/api/submissions/bobs/cancel'],
  ])('knows nothing of what others submitted: %s %s', async (method, path) => {
    expect(await ask(method, path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(submissions.cancelled).toEqual([]);
  });

  test('lists what is of its user', async () => {
    expect(await ask('GET', '/api/submissions')).toMatchObject({ status: 200 });
    expect(submissions.listed).toEqual(['alice']);
    const refused = await ask('GET', '/api/submissions?user=bob');
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden', field: 'user' } });
    expect(submissions.listed).toEqual(['alice']);
  });

  test('rolls back its user only', async () => {
    const body = { submission_id: 'before' };
    expect(await ask('POST', '/api/users/bob/rollback', body)).toMatchObject({ status: 403 });
    await ask('POST', '/api/users/alice/rollback', body);
    expect(submissions.rolledBack).toEqual([['alice', alice.id]]);
  });

  test('does not see what others have in production', async () => {
    expect(await ask('GET', '/api/users/bob/live')).toMatchObject({ status: 403 });
    expect(await ask('GET', '/api/users/alice/live')).toMatchObject({ status: 503 });
  });
});

describe('limits of a key', () => {
  const headers = { 'X-API-Key': alice.key };
  const perKey = {
    messagesPerSecond: 1,
    messageBurst: 2,
    submissionsPerMinute: 1,
    followed: 9,
    connections: 1,
  };
  const message = { user_id: 'alice', code: '', submission_id: 'one' };

  beforeEach(async () => {
    await server.close();
    await start({ perKey, maxRefusedMessages: 3 });
  });

  test('one connection too many is refused with 429 and a time to wait, for this key alone', async () => {
    await once(socket(headers), 'open');
    const refused = socket(headers).on('error', () => undefined);
    const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(429);
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    await once(socket({ 'X-API-Key': API_KEY }), 'open');
  });

  test('one submission too many gets an error with the time to wait, and is not taken', async () => {
    const submitting = socket(headers);
    await once(submitting, 'open');
    const frames: unknown[] = [];
    submitting.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString())));
    for (const submission_id of ['one', 'two'])
      submitting.send(JSON.stringify({ ...message, submission_id }));
    while (frames.length < 2) await once(submitting, 'message');
    expect(frames).toContainEqual(
      expect.objectContaining({
        ...{ code: 'too_many_submissions', limit: 1, submission_id: 'two' },
        retry_after_seconds: 60,
      }),
    );
    expect(submissions.submitted).toHaveLength(1);
  });

  test('messages that go on beyond the rate close the connection with 4029', async () => {
    const flooding = socket(headers);
    await once(flooding, 'open');
    const codes: unknown[] = [];
    flooding.on('message', (data: Buffer) =>
      codes.push((JSON.parse(data.toString()) as { code: string }).code),
    );
    for (let n = 0; n < 6; n++) flooding.send('{');
    expect((await once(flooding, 'close'))[0]).toBe(4029);
    const refused = 'too_many_messages';
    expect(codes).toEqual(['invalid_json', 'invalid_json', refused, refused, refused]);
  });
});

test('metrics tell of connections and errors, and of no key', async () => {
  await answerTo({ type: 'cancel', submission_id: 'of-bob' }, { 'X-API-Key': alice.key });
  const response = await fetch(`${server.url}/metrics`);
  const text = await response.text();
  expect(text).toContain('gateway_connections 1');
  expect(text).toContain('gateway_errors_total{code="not_found"} 1');
  expect(text).not.toContain(alice.id);
});
