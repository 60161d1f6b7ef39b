import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import pino from 'pino';
import { errorFrameSchema } from '../../gateway/protocol/errorFrame';
import { languageList } from '../../gateway/http/languageRoutes';
import { DEFAULT_LIMITS, type Limits } from '../../gateway/limits';
import { startServer, type RunningServer } from '../../gateway/server';
import { serverFrame } from '../../gateway/protocol/serverFrames';
import { submissionDetails, submissionList } from '../../gateway/protocol/submissionRecord';
import { FakeSubmissions, OPERATION_ID } from './fakeSubmissions';
import { rules } from './protocol/rules';

/** Submissions over HTTP. */

const API_KEY = 'a key for the tests only';
const logged: string[] = [];
const logger = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
let submissions: FakeSubmissions;
let server: RunningServer;

async function start(limits: Partial<Limits> = {}): Promise<void> {
  submissions = new FakeSubmissions();
  server = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    {
      submissions,
      rules,
      logger,
      limits: { ...DEFAULT_LIMITS, ...limits },
      outputArchive: { read: readArchive },
    },
  );
}

/** What the log store contains of the output of the command `long`; see FakeSubmissions. */
let archived = '';
async function* readArchive(range: {
  submissionId: string;
  executionId: string;
  start: number;
  end: number;
}) {
  if (archived === 'broken') throw new Error('the log store is away');
  expect(range).toMatchObject({ submissionId: 'mine', executionId: 'e', stream: 'stdout', start: 2, end: 8 });
  await Promise.resolve();
  if (archived) yield Buffer.from(archived);
}

afterEach(() => server.close());

interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

async function call(method: string, path: string, body?: unknown, headers: object = {}): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      'X-API-Key': API_KEY,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text ? (JSON.parse(text) as Answer['body']) : {},
  };
}

const submit = (code: string, submission_id?: string, headers: object = {}, query = '') =>
  call('POST', `/api/submissions${query}`, { user_id: 'test', code, submission_id }, headers);

/** Opens a response that a test can stop reading. */
async function open(path: string, headers: object = {}): Promise<IncomingMessage> {
  const request = httpRequest(`${server.url}${path}`, {
    headers: { 'X-API-Key': API_KEY, ...headers },
  }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Parses events as a browser does, without comments. */
function eventsOf(text: string): { id?: string; data: Record<string, unknown> }[] {
  return text.split('\n\n').flatMap((block) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const [id, data] = [field('id'), field('data')];
    if (data === undefined) return [];
    return [{ ...(id !== undefined && { id }), data: JSON.parse(data) as Record<string, unknown> }];
  });
}

describe('a submission', () => {
  test('is taken, and its address is told', async () => {
    await start();
    const { status, headers, body } = await submit('hang', 'mine');
    expect(status).toBe(202);
    expect(headers.get('location')).toBe('/api/submissions/mine');
    expect(submissionDetails.parse(body)).toMatchObject({
      submission_id: 'mine',
      status: 'running',
      result: null,
    });
  });

  test('that is over at once is answered with its final frame', async () => {
    await start();
    const { status, body } = await submit('pass', 'mine', {}, '?wait=5');
    expect(status).toBe(200);
    expect(submissionDetails.parse(body)).toMatchObject({
      status: 'deployed',
      result: { namespace: 'user-test' },
    });
  });

  test('that asks for the tests alone ends as tests_passed, is listed so, and can be sent again', async () => {
    await start();
    const asked = { user_id: 'test', code: 'pass', deploy: false, submission_id: 'mine' };
    const { status, body } = await call('POST', '/api/submissions?wait=5', asked);
    expect(status).toBe(200);
    expect(submissionDetails.parse(body)).toMatchObject({
      status: 'tests_passed',
      result: { status: 'tests_passed' },
    });
    expect((await call('GET', '/api/submissions/mine/content')).body).toMatchObject({ deploy: false });
    expect((await call('GET', '/api/submissions?status=tests_passed')).status).toBe(200);
    const wrong = await call('POST', '/api/submissions', { ...asked, deploy: 'no' });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'invalid_message', field: 'deploy' } });
  });

  test('is named by the Idempotency-Key, which must agree with the body', async () => {
    await start();
    const { body } = await submit('hang', undefined, { 'Idempotency-Key': 'keyed' });
    expect(body).toMatchObject({ submission_id: 'keyed' });
    expect((await submit('hang', 'keyed', { 'Idempotency-Key': 'keyed' })).status).toBe(202);
    const other = await submit('hang', 'other', { 'Idempotency-Key': 'keyed' });
    expect(other).toMatchObject({ status: 400, body: { code: 'invalid_message', field: 'submission_id' } });
    const bad = await submit('hang', undefined, { 'Idempotency-Key': 'not an id' });
    expect(bad).toMatchObject({ status: 400, body: { field: 'Idempotency-Key' } });
  });

  test.each([
    ['conflict', 409, 'conflict'],
    ['unavailable', 503, 'unavailable'],
    ['bug', 500, 'internal'],
  ])('that cannot be taken (%s) is answered with %i', async (code, expected, errorCode) => {
    await start();
    const { status, headers, body } = await submit(code, 'mine');
    expect(status).toBe(expected);
    expect(errorFrameSchema.parse(body).code).toBe(errorCode);
    expect(headers.has('retry-after')).toBe(expected === 503);
    expect(JSON.stringify(body)).not.toContain('secret detail');
  });

  test.each([
    ['{', {}, 400, { code: 'invalid_json' }],
    ['{"user_id": "Test"}', {}, 400, { code: 'invalid_message', field: 'user_id' }],
    ['{"type": "cancel", "submission_id": "x"}', {}, 400, { code: 'invalid_message', field: 'type' }],
    ['{}', { 'Content-Type': 'text/plain' }, 415, { code: 'unsupported_media_type' }],
    [`"${'x'.repeat(2_000)}"`, {}, 413, { code: 'code_too_large', limit: 2_000 }],
  ])('%s is refused', async (body, headers, status, expected) => {
    await start({ maxMessageBytes: 2_000 });
    const answer = await call('POST', '/api/submissions', body, headers);
    expect(answer).toMatchObject({ status, body: expected });
    errorFrameSchema.parse(answer.body);
  });

  test('is waited for no longer than asked', async () => {
    await start();
    await submit('hang', 'mine');
    const { status, body } = await call('GET', '/api/submissions/mine?wait=0.05');
    expect([status, body.status, body.result]).toEqual([200, 'running', null]);
  });

  test('is cancelled, unless it is over', async () => {
    await start();
    await submit('hang', 'going');
    await submit('pass', 'gone');
    expect(await call('POST', '/api/submissions/going/cancel')).toMatchObject({
      status: 202,
      body: { state: 'requested' },
    });
    expect(await call('POST', '/api/submissions/gone/cancel')).toMatchObject({
      status: 200,
      body: { state: 'over' },
    });
  });

  test.each(['', '/events', '/output', '/content'])('that nobody knows is not found: %s', async (what) => {
    await start();
    expect(await call('GET', `/api/submissions/unknown${what}`)).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect(await call('GET', `/api/submissions/a%20b${what}`)).toMatchObject({
      status: 400,
      body: { field: 'submission_id' },
    });
  });

  test.each([
    ['', 'ab\n[... 6 bytes left out ...]\nij'],
    ['cdefgh', 'abcdefghij'],
    ['cd', 'abcd\n[... 4 bytes left out ...]\nij'],
    ['broken', 'ab\n[... 6 bytes left out ...]\nij'],
  ])(
    'brings what the report lacks from the log store, and says what is not there (%j)',
    async (has, text) => {
      archived = has;
      await start();
      await submit('long', 'mine');
      expect(await textOf(await open('/api/submissions/mine/output'))).toBe(text);
    },
  );

  test('takes input as long as it runs, and says why it does not', async () => {
    await start();
    await submit('hang', 'mine');
    const feed = (body: object, id = 'mine') => call('POST', `/api/submissions/${id}/stdin`, body);
    expect(await feed({ data: 'né', offset: 0 })).toMatchObject({
      status: 200,
      body: { type: 'stdin', submission_id: 'mine', received: 3, eof: false },
    });
    expect(await feed({ data: 'x', offset: 0 })).toMatchObject({
      status: 409,
      body: { code: 'conflict', field: 'offset', limit: 3 },
    });
    expect(await feed({ eof: true })).toMatchObject({ status: 200, body: { eof: true } });
    expect(await feed({})).toMatchObject({ status: 400, body: { field: 'data' } });
    expect(await feed({ data: 'x' }, 'other')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    await submit('print', 'over');
    expect(await feed({ data: 'x' }, 'over')).toMatchObject({ status: 409, body: { code: 'not_running' } });
  });

  test('brings the bytes of its output', async () => {
    await start();
    await submit('print', 'mine');
    const response = await open('/api/submissions/mine/output');
    expect(response.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(await textOf(response)).toBe('Hello\nWörld\n');
    expect(await textOf(await open('/api/submissions/mine/output?stream=stderr'))).toBe('');
  });
});

describe('events', () => {
  test('are the frames, and their ids are the cursors', async () => {
    await start();
    await submit('pass', 'mine');
    const response = await open('/api/submissions/mine/events');
    expect(response.headers['content-type']).toBe('text/event-stream');
    const events = eventsOf(await textOf(response));
    expect(events.map(({ id }) => id)).toEqual(['1.0', '2.0']);
    for (const { id, data } of events) expect(serverFrame.parse(data)).toMatchObject({ cursor: id });
  });

  test('go on after the last one that was seen', async () => {
    await start();
    await submit('pass', 'mine');
    const ids = async (query: string, headers: object) =>
      eventsOf(await textOf(await open(`/api/submissions/mine/events${query}`, headers))).map(({ id }) => id);
    expect(await ids('', { 'Last-Event-ID': '1.0' })).toEqual(['2.0']);
    expect(await ids('?cursor=1.0', {})).toEqual(['2.0']);
    expect(await ids('?progress=false', {})).toEqual(['2.0']);
  });

  test('after the last frame there are none, and a browser is told not to come back', async () => {
    await start();
    await submit('pass', 'mine');
    const response = await open('/api/submissions/mine/events', { 'Last-Event-ID': '2.0' });
    expect([response.statusCode, await textOf(response)]).toEqual([204, '']);
  });

  test('after what is no cursor is an error', async () => {
    await start();
    await submit('pass', 'mine');
    const answer = await call('GET', '/api/submissions/mine/events', undefined, { 'Last-Event-ID': 'x' });
    expect(answer).toMatchObject({ status: 400, body: { field: 'Last-Event-ID' } });
  });

  test('come no more when the client goes', async () => {
    await start();
    await submit('hang', 'left');
    const ended = new Promise<string>((resolve) => (submissions.onEnd = resolve));
    (await open('/api/submissions/left/events')).destroy();
    expect(await ended).toBe('left');
  });

  test('a client that does not read costs little memory, and is cut off', async () => {
    await start({ pingIntervalMs: 300 });
    await submit('stream', 'mine');
    const ended = new Promise<string>((resolve) => (submissions.onEnd = resolve));
    const before = process.memoryUsage().rss;
    const response = await open('/api/submissions/mine/events');
    response.on('error', () => undefined); // The gateway closes the connection.
    response.pause();
    expect(await ended).toBe('mine');
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    while (!logged.join('').includes('nothing was read for 300 ms'))
      await new Promise((resolve) => setImmediate(resolve));
  });

  test('end when the gateway goes down, and the next try is made elsewhere', async () => {
    await start();
    await submit('hang', 'mine');
    const response = await open('/api/submissions/mine/events');
    const text = textOf(response);
    await server.close();
    expect(await text).toContain(': the gateway is going down: come back after the last event id');
  });
});

describe('a list', () => {
  test('comes in pages', async () => {
    await start();
    for (const id of ['a', 'b', 'c']) await submit('pass', id);
    const first = await call('GET', '/api/submissions?limit=2');
    expect(submissionList.parse(first.body)).toMatchObject({
      submissions: [{ submission_id: 'a' }, {}],
      next_page: '2',
    });
    const last = await call('GET', '/api/submissions?limit=2&page=2');
    expect(last.body).toMatchObject({ submissions: [{ submission_id: 'c' }], next_page: null });
  });

  test('is asked for with a filter', async () => {
    await start();
    await call('GET', '/api/submissions?user=test&status=running&since=2026-01-01T00:00:00Z');
    expect(submissions.asked).toEqual({ user: 'test', status: 'running', since: '2026-01-01T00:00:00Z' });
  });

  test.each([
    ['user=Test', 'user'],
    ['status=dead', 'status'],
    ['since=yesterday', 'since'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['page=*', 'page'],
    ['page=unknown', 'page'],
    ['colour=red', 'colour'],
    ['user=a&user=b', 'user'],
  ])('%s is refused, and the field is named', async (query, field) => {
    await start();
    const { status, body } = await call('GET', `/api/submissions?${query}`);
    expect([status, errorFrameSchema.parse(body).field]).toEqual([400, field]);
  });
});

test('languages are listed with their versions, without a key', async () => {
  await start();
  const response = await fetch(`${server.url}/api/languages`);
  expect(response.status).toBe(200);
  const { languages } = languageList.parse(await response.json());
  expect(languages.map(({ name }) => name)).toEqual(['javascript', 'python']);
  expect(languages[1]).toMatchObject({
    version: rules.languages.get('python')?.version,
    frameworks: ['pytest', 'unittest'],
    requirements: true,
  });
});

test('an earlier submission is brought back, if it ever was live', async () => {
  await start();
  await submit('pass', 'mine');
  const done = await call('POST', '/api/users/test/rollback', { submission_id: 'mine' });
  expect(done).toMatchObject({ status: 200, body: { status: 'done', live: { submission_id: 'mine' } } });
  const refused = await call('POST', '/api/users/test/rollback', { submission_id: 'other' });
  expect(refused).toMatchObject({ status: 409, body: { code: 'conflict', message: 'it never was live' } });
  const state = await call('GET', `/api/users/test/operations/${OPERATION_ID}?wait=0`);
  expect(state).toMatchObject({ status: 200, body: { operation_id: OPERATION_ID, status: 'running' } });
  const unknown = await call('GET', `/api/users/test/operations/${randomUUID()}`);
  expect(unknown).toMatchObject({ status: 404, body: { code: 'not_found', field: 'operation_id' } });
  const invalid = await call('GET', '/api/users/test/operations/1');
  expect(invalid).toMatchObject({ status: 400, body: { field: 'operation_id' } });
  const faulty = await call('POST', '/api/users/Test/rollback', { submission_id: 'mine' });
  expect(faulty).toMatchObject({ status: 400, body: { field: 'user_id' } });
});

/** The answers to requests that are sent as they are, one after another on one connection. */
async function rawAnswers(text: string): Promise<string[]> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.end(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks)
    .toString()
    .split(/(?=HTTP\/1\.1 )/);
}

describe('a request that is wrong in itself', () => {
  const head = (line: string, headers: string[] = []) =>
    [`${line} HTTP/1.1`, 'Host: x', `X-API-Key: ${API_KEY}`, ...headers, '', ''].join('\r\n');

  test('for an unknown address is answered before its body is read', async () => {
    await start();
    const body = ['Content-Type: application/json', 'Content-Length: 1000000'];
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write(head('POST /nowhere', body));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 .*"code":"not_found"/s);
    socket.destroy();
  });

  test('with a body that is no JSON leaves its connection to the next one', async () => {
    await start();
    const bad = ['Content-Type: application/json', 'Content-Length: 1'];
    const answers = await rawAnswers(`${head('POST /api/submissions', bad)}{${head('GET /healthz')}`);
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual(['400', '200']);
  });

  test('is answered with the methods of its address, whatever the method', async () => {
    await start();
    const [answer] = await rawAnswers(head('PROPFIND /api/submissions'));
    expect(answer).toMatch(/^HTTP\/1\.1 405 .*\r\nallow: POST, GET\r\n/s);
  });

  test('is cancelled although it names the type of a form, without a body', async () => {
    await start();
    await submit('hang', 'mine');
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect(await call('POST', '/api/submissions/mine/cancel', '', form)).toMatchObject({ status: 202 });
    expect(await call('POST', '/api/submissions/mine/cancel', 'a=b', form)).toMatchObject({
      status: 415,
      body: { field: 'Content-Type' },
    });
  });

  test('with an empty Idempotency-Key is refused, as it would not be repeatable', async () => {
    await start();
    const refused = await submit('hang', undefined, { 'Idempotency-Key': '' });
    expect(refused).toMatchObject({ status: 400, body: { field: 'Idempotency-Key' } });
  });

  test('that breaks off in its body is no error of the gateway', async () => {
    await start();
    logged.length = 0;
    const body = ['Content-Type: application/json', 'Content-Length: 1000'];
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write(`${head('POST /api/submissions', body)}{"user_id"`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    while (!logged.join('').includes('request ended early'))
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(logged.join('')).not.toContain('"level":50');
  });

  test('a handler that throws what is no Error is a failure of the gateway, and does not tell it', async () => {
    await start();
    logged.length = 0;
    submissions.list = () => {
      throw 'a secret detail'; // eslint-disable-line @typescript-eslint/only-throw-error
    };
    const { status, headers, body } = await call('GET', '/api/submissions');
    expect([status, headers.get('connection'), body.code]).toEqual([500, 'close', 'internal']);
    expect(JSON.stringify(body)).not.toContain('secret');
    expect(logged.join('')).toContain('request failed');
  });

  test('followers behind a stream of the same connection end with it', async () => {
    await start();
    await submit('hang', 'first');
    await submit('hang', 'second');
    const ended: string[] = [];
    const both = new Promise<void>((resolve) => {
      submissions.onEnd = (id) => {
        ended.push(id);
        if (ended.length === 2) resolve();
      };
    });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const [first, second] = ['first', 'second'].map((id) => head(`GET /api/submissions/${id}/events`));
    socket.write(`${first}${second}`);
    await once(socket, 'data');
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    await both;
    expect(ended.sort()).toEqual(['first', 'second']);
  });
});

describe('at the door', () => {
  test('nothing under /api is answered without a key', async () => {
    await start();
    for (const path of ['/api/submissions', '/api/submissions/x', '/api/submissions/x/events'])
      expect(await call('GET', path, undefined, { 'X-API-Key': 'wrong' })).toMatchObject({
        status: 401,
        body: { code: 'unauthorized' },
      });
  });

  test('another method is answered with those that there are', async () => {
    await start();
    const { status, headers, body } = await call('POST', '/api/submissions/x');
    expect([status, headers.get('allow'), body.code]).toEqual([405, 'GET', 'method_not_allowed']);
  });

  test.each([
    ...['//', '/api', '/api/submissions/', '/%', '/api/submissions/%zz'],
    ...['/assets/%2e%2e/index.html', '/assets/%00', `/assets/${'a'.repeat(300)}`, '/docs/static/none.js'],
  ])('%s is not found', async (path) => {
    await start();
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});
