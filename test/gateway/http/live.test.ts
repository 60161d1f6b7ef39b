import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { acceptKey } from '../../../gateway/authentication';
import { liveRoute, type LiveParts } from '../../../gateway/http/live';
import { createLogger } from '../../../infrastructure/logging';

const KEY = 'a-key-of-many-characters';
const program = {
  ...{ submissionId: 's1', workflowId: 'submission-s1', runId: 'r1' },
  ...{ codeDigest: 'd1', configMap: 'ada-prod-d1' },
};

let server: Server | undefined;
afterEach(() => server?.close());

async function asked(
  inspect: LiveParts['inspect'],
  path: string,
  init: RequestInit = { headers: { 'X-API-Key': KEY } },
) {
  const logger = createLogger('gateway', 'fatal');
  const route = liveRoute({ authenticate: acceptKey(KEY), inspect, timeoutMs: 50, logger });
  server = createServer((request, response) => {
    if (!route(request, response)) response.writeHead(418).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { status: response.status, body: await response.json() };
}

const nothing = { state: 'nothing', live: null, since: null, rollingOut: null } as const;

test('it says what is live, since when, and from which submission', async () => {
  const report = {
    state: 'ready',
    live: program,
    since: '2026-01-01T12:00:00.000Z',
    rollingOut: null,
  } as const;
  const inspect = jest.fn().mockResolvedValue(report);
  expect(await asked(inspect, '/api/users/ada/live?x=1')).toEqual({
    status: 200,
    body: {
      user_id: 'ada',
      namespace: 'user-ada',
      state: 'ready',
      since: '2026-01-01T12:00:00.000Z',
      live: { submission_id: 's1', code_digest: 'd1', workflow_id: 'submission-s1', run_id: 'r1' },
      rolling_out: null,
    },
  });
  expect(inspect).toHaveBeenCalledWith('ada');
});

test.each([
  ['without a key', {}, 401, 'unauthorized'],
  ['with another key', { headers: { 'X-API-Key': 'another' } }, 401, 'unauthorized'],
  ['with another method', { method: 'DELETE', headers: { 'X-API-Key': KEY } }, 405, 'method_not_allowed'],
])('%s nothing is looked for', async (_, init, status, error) => {
  const inspect = jest.fn().mockResolvedValue(nothing);
  expect(await asked(inspect, '/api/users/ada/live', init)).toMatchObject({ status, body: { error } });
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
    body: { error: 'unavailable' },
  });
});

test('other paths are left to others', async () => {
  expect(await asked(null, '/api/users/ada')).toMatchObject({ status: 418 });
});
