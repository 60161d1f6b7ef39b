import { once } from 'node:events';
import pino from 'pino';
import { WebSocket } from 'ws';
import { DEFAULT_LIMITS } from '../../../gateway/limits';
import { startServer, type RunningServer } from '../../../gateway/server';
import { authorizedSubmissions } from '../../../gateway/submissions/authorizedSubmissions';
import { toErrorFrame } from '../../../gateway/submissions/errorFrames';
import { temporalSubmissions, type Submission } from '../../../gateway/submissions/submissionService';
import { submissionIdIn } from '../../../workflows/contract';
import { directoryOf, keyOf } from '../auth/directory';
import { rules } from '../protocol/rules';
import { InMemoryTemporal } from './inMemoryTemporal';

/** The id of a submission says nothing about submissions of other users. */

function submissionOf(userId: string, submissionId: string, code = 'print(1)'): Submission {
  return {
    ...{ userId, submissionId, tests: null, limits: {} },
    program: { language: 'python', files: { 'main.py': code }, entrypoint: 'main.py', requirements: [] },
    input: { stdin: '', args: [], env: {} },
  };
}

function platform() {
  const temporal = new InMemoryTemporal();
  const gateway = () =>
    temporalSubmissions(temporal.client, 'queue', { limits: DEFAULT_LIMITS, followLog: null });
  const as = (userId: string | null) =>
    authorizedSubmissions(gateway(), { keyId: `key-of-${userId}`, userId, expiresAt: null });
  return { temporal, as };
}

type Service = ReturnType<ReturnType<typeof platform>['as']>;

const CALLS: [string, (service: Service, id: string) => Promise<unknown>][] = [
  ['find', (service, id) => service.find(id)],
  ['status', (service, id) => service.status(id)],
  ['content', (service, id) => service.content(id)],
  ['cancel', (service, id) => service.cancel(id)],
  ['input', (service, id) => service.input(id, { offset: null, data: 'eA==', bytes: 1, eof: false })],
];

async function errorOf(call: Promise<unknown>) {
  return call.then(
    () => 'no error',
    (error: unknown) => toErrorFrame(error, 'x'),
  );
}

test('a user may choose an id that another user has used, and sees no trace of it', async () => {
  const { as } = platform();
  const first = await as('alice').submit(submissionOf('alice', 'x'));
  const second = await as('bob').submit(submissionOf('bob', 'x', 'print(2)'));
  const alone = await platform()
    .as('bob')
    .submit(submissionOf('bob', 'x', 'print(2)'));
  expect(second).toMatchObject({ submissionId: 'x', userId: 'bob' });
  expect(second.workflowId).not.toBe(first.workflowId);
  expect(second.workflowId).toBe(alone.workflowId);
  expect(await as('alice').status('x')).toMatchObject({ submission_id: 'x', user_id: 'alice' });
  expect(await as('bob').status('x')).toMatchObject({ submission_id: 'x', user_id: 'bob' });
});

test.each(CALLS)(
  "%s gives the same answer for another user's id and for an unused one",
  async (_name, call) => {
    const { as, temporal } = platform();
    await as('alice').submit(submissionOf('alice', 'taken'));
    await as(null).submit(submissionOf('alice', 'by-admin'));
    temporal.add('submission-recorded', 'alice');
    const answers = await Promise.all(
      ['taken', 'by-admin', 'recorded', 'unknown'].map(async (id) => {
        temporal.calls.length = 0;
        const error = await errorOf(call(as('bob'), id));
        const text = JSON.stringify({ error, calls: temporal.calls.length === 0 });
        return text.replaceAll(id, 'ID');
      }),
    );
    expect(answers[0]).toContain('not_found');
    expect(new Set(answers).size).toBe(1);
  },
);

test.each(CALLS)(
  "%s makes the same calls for another user's id and for an unknown one",
  async (_name, call) => {
    const { as, temporal } = platform();
    await as(null).submit(submissionOf('alice', 'taken'));
    const callsFor = async (id: string) => {
      temporal.calls.length = 0;
      await errorOf(call(as('bob'), id));
      return temporal.calls.map((each) => each.replaceAll(id, 'ID'));
    };
    expect(await callsFor('taken')).toEqual(await callsFor('unknown'));
  },
);

test('a repeat joins the first, also two at once on two gateways', async () => {
  const { as, temporal } = platform();
  const submission = submissionOf('alice', 'x');
  const [one, other] = await Promise.all([as('alice').submit(submission), as('alice').submit(submission)]);
  expect(one).toEqual(other);
  expect(await as('alice').submit(submission)).toEqual(one);
  expect(temporal.workflows.size).toBe(1);
  await expect(as('alice').submit(submissionOf('alice', 'x', 'other'))).rejects.toThrow('other content');
});

test('a repeat joins what an older gateway, or an admin, started for the same user', async () => {
  const { as, temporal } = platform();
  const started = await as(null).submit(submissionOf('alice', 'x'));
  expect(started.workflowId).toBe('submission-x');
  expect(await as('alice').submit(submissionOf('alice', 'x'))).toEqual(started);
  expect(temporal.workflows.size).toBe(1);
  for (const [name, call] of CALLS.slice(0, 2))
    expect([name, await call(as('alice'), 'x')]).toEqual([name, expect.objectContaining({})]);
});

test('no user can take an id that an admin chooses', async () => {
  const { as } = platform();
  await as('alice').submit(submissionOf('alice', 'x'));
  const chosen = await as(null).submit(submissionOf('bob', 'x'));
  expect(chosen).toMatchObject({ userId: 'bob', workflowId: 'submission-x' });
  expect(await as(null).find('x')).toMatchObject({ userId: 'bob' });
  expect(await as('alice').find('x')).toMatchObject({ userId: 'alice' });
  await expect(as(null).submit(submissionOf('carol', 'x'))).rejects.toThrow('belongs to another user');
  await as('alice').submit(submissionOf('alice', 'graded', 'squatted'));
  const graded = await as(null).submit(submissionOf('alice', 'graded'));
  expect(graded).toMatchObject({ userId: 'alice', workflowId: 'submission-graded' });
});

test("an admin finds users' submissions by their id, and by id and user when several have it", async () => {
  const { as } = platform();
  await as('alice').submit(submissionOf('alice', 'x'));
  expect(await as(null).find('x')).toMatchObject({ userId: 'alice', submissionId: 'x' });
  await as('bob').submit(submissionOf('bob', 'x'));
  expect(await errorOf(as(null).cancel('x'))).toMatchObject({ code: 'conflict', field: 'submission_id' });
  expect(await as(null).find('x.bob')).toMatchObject({ userId: 'bob', submissionId: 'x' });
  expect(await as('alice').find('x.alice')).toMatchObject({ userId: 'alice', submissionId: 'x' });
  expect(await errorOf(as('alice').find('x.bob'))).toMatchObject({ code: 'not_found' });
  expect(await errorOf(as(null).find('y'))).toMatchObject({ code: 'not_found' });
});

test.each([
  ['submission-x', 'x'],
  ['submission-x.alice', 'x'],
  ['submission-a-b_c.an-na', 'a-b_c'],
  ['operation-x', null],
])('the workflow %s is that of submission %s', (workflowId, id) => {
  expect(submissionIdIn(workflowId)).toBe(id);
});

describe('over HTTP and a WebSocket', () => {
  const key = keyOf('aaaaaaaaaaaa', { userId: 'bob' });
  const temporal = new InMemoryTemporal();
  let server: RunningServer;
  const headers = { 'X-API-Key': key.key, 'Content-Type': 'application/json' };

  beforeAll(async () => {
    temporal.add('submission-taken', 'alice');
    temporal.add('submission-private.alice', 'alice');
    server = await startServer(
      { API_KEY: 'a key for the tests only', HOST: '127.0.0.1', PORT: 0 },
      {
        submissions: temporalSubmissions(temporal.client, 'queue', {
          limits: DEFAULT_LIMITS,
          followLog: null,
        }),
        ...{ rules, keys: directoryOf([key]), logger: pino({ level: 'silent' }) },
      },
    );
  });

  afterAll(() => server.close());

  /** The whole answer, with the id and the time replaced. */
  async function answer(method: string, path: string, id: string, body?: object): Promise<object> {
    const response = await fetch(`${server.url}/api/submissions/${path.replace('ID', id)}`, {
      ...{ method, headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const sent = [...response.headers].filter(([name]) => !['date', 'content-length'].includes(name));
    return { status: response.status, sent, body: (await response.text()).replaceAll(id, 'ID') };
  }

  test.each([
    ['GET', 'ID', undefined],
    ['GET', 'ID?wait=1', undefined],
    ['GET', 'ID/content', undefined],
    ['GET', 'ID/events', undefined],
    ['GET', 'ID/output', undefined],
    ['POST', 'ID/cancel', undefined],
    ['POST', 'ID/stdin', { data: 'x' }],
  ])('%s %s answers alike', async (method, path, body) => {
    const unknown = await answer(method, path, 'unknown', body);
    expect(unknown).toMatchObject({ status: 404 });
    for (const id of ['taken', 'private', 'taken.alice', 'private.alice'])
      expect(await answer(method, path, id, body)).toEqual(unknown);
  });

  test.each(['resume', 'status', 'cancel', 'stdin'])('%s answers alike', async (type) => {
    const socket = new WebSocket(`${server.url}/ws/code`, { headers: { 'X-API-Key': key.key } });
    await once(socket, 'open');
    const answers: string[] = [];
    for (const submission_id of ['unknown', 'taken', 'private', 'private.alice']) {
      socket.send(JSON.stringify({ type, submission_id, ...(type === 'stdin' && { data: 'x' }) }));
      const [data] = (await once(socket, 'message')) as [Buffer];
      answers.push(data.toString().replaceAll(submission_id, 'ID'));
    }
    expect(answers[0]).toContain('"code":"not_found"');
    expect(new Set(answers).size).toBe(1);
    socket.terminate();
  });
});
