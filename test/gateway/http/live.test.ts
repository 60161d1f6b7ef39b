import pino from 'pino';
import type { LiveParts } from '../../../gateway/http/live';
import { startServer, type RunningServer } from '../../../gateway/server';
import { DEFAULT_LIMITS } from '../../../gateway/limits';
import { FakeSubmissions } from '../fakeSubmissions';
import { rules } from '../protocol/rules';

const KEY = 'a-key-of-many-characters';
const program = {
  ...{ submissionId: 's1', workflowId: 'submission-s1', runId: 'r1' },
  ...{ codeDigest: 'd1', configMap: 'ada-prod-d1' },
};

let server: RunningServer | undefined;
afterEach(() => server?.close());

async function asked(
  inspect: LiveParts['inspect'],
  path: string,
  init: RequestInit = { headers: { 'X-API-Key': KEY } },
) {
  server = await startServer(
    { API_KEY: KEY, HOST: '127.0.0.1', PORT: 0 },
    {
      ...{ submissions: new FakeSubmissions(), rules, inspect },
      logger: pino({ level: 'silent' }),
      limits: { ...DEFAULT_LIMITS, callTimeoutMs: 50 },
    },
  );
  const response = await fetch(`${server.url}${path}`, init);
  return { status: response.status, body: await response.json() };
}

const nothing = { state: 'nothing', live: null, since: null, rollingOut: null, pods: [], egress: null };

const pod = {
  ...{ name: 'ada-prod-x', component: 'program', state: 'ready', restarts: 1 },
  ...{ message: null, since: '2026-01-01T11:59:00.000Z' },
};

test('it says what is live, since when, and from which submission', async () => {
  const report = {
    state: 'ready',
    live: program,
    since: '2026-01-01T12:00:00.000Z',
    rollingOut: null,
    pods: [{ ...pod, submissionId: 's1' }],
    egress: { internet: false, ranges: [{ cidr: '203.0.113.0/24' }], hosts: [] },
  };
  const inspect = jest.fn().mockResolvedValue(report);
  expect(await asked(inspect, '/api/users/ada/live')).toEqual({
    status: 200,
    body: {
      user_id: 'ada',
      namespace: 'user-ada',
      state: 'ready',
      url: null,
      since: '2026-01-01T12:00:00.000Z',
      live: { submission_id: 's1', code_digest: 'd1', workflow_id: 'submission-s1', run_id: 'r1' },
      rolling_out: null,
      egress: { internet: false, ranges: [{ cidr: '203.0.113.0/24', ports: null }], hosts: [] },
      pods: [{ ...pod, submission_id: 's1' }],
    },
  });
  expect(inspect).toHaveBeenCalledWith('ada');
});

test.each([
  ['without a key', {}, 401, 'unauthorized'],
  ['with another key', { headers: { 'X-API-Key': 'another' } }, 401, 'unauthorized'],
  ['with another method', { method: 'DELETE', headers: { 'X-API-Key': KEY } }, 405, 'method_not_allowed'],
])('%s nothing is looked for', async (_, init, status, code) => {
  const inspect = jest.fn().mockResolvedValue(nothing);
  expect(await asked(inspect, '/api/users/ada/live', init)).toMatchObject({ status, body: { code } });
  expect(inspect).not.toHaveBeenCalled();
});

test('a user that cannot be one is refused', async () => {
  const inspect = jest.fn().mockResolvedValue(nothing);
  expect(await asked(inspect, '/api/users/..%2Fkube-system/live')).toMatchObject({ status: 400 });
  expect(inspect).not.toHaveBeenCalled();
});

test.each([
  ['no cluster is known', null],
  ['the cluster refuses', () => Promise.reject(new Error('forbidden'))],
  ['the cluster does not answer', () => new Promise<never>(() => undefined)],
])('when %s, it is unavailable', async (_, inspect) => {
  expect(await asked(inspect, '/api/users/ada/live')).toMatchObject({
    status: 503,
    body: { code: 'unavailable' },
  });
});

test('there is nothing beside it', async () => {
  expect(await asked(null, '/api/users/ada')).toMatchObject({ status: 404 });
});
