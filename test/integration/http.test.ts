import { Client as Temporal, Connection } from '@temporalio/client';
import { Client } from './client';
import { httpUrl } from './contract';
import { eventsOf } from './events';
import { eventually } from './eventually';
import { removeUsers } from './kubectl';
import { sharedPlatform } from './platform';
import { stack } from './stack';

/** Submissions over HTTP, in addition to those over a WebSocket. */

const platform = sharedPlatform();
const url = httpUrl(platform.url);

afterAll(() => removeUsers('http'));

/** Temporal's visibility is up to date within this time, in milliseconds. */
const VISIBILITY_MS = 10_000;

type Body = Record<string, unknown>;

async function call(
  method: string,
  path: string,
  body?: object,
  headers: object = {},
): Promise<[number, Body]> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'X-API-Key': platform.apiKey, 'Content-Type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  return [response.status, (await response.json()) as Body];
}

const FAILS = "print('before')\nraise SystemExit(3)";

test('a submission is sent, waited for, joined by a repeat, and read in every form', async () => {
  const id = `http-${Date.now()}`;
  const message = { user_id: 'http', code: FAILS };
  const key = { 'Idempotency-Key': id };
  const [status, details] = await call('POST', '/api/submissions?wait=40', message, key);
  expect(status).toBe(200);
  expect(details).toMatchObject({
    submission_id: id,
    user_id: 'http',
    status: 'tests_failed',
    result: { status: 'tests_failed', exit_code: 3 },
  });
  expect(await call('POST', '/api/submissions?wait=40', message, key)).toMatchObject([
    200,
    { result: details.result },
  ]);
  const other = { ...message, code: 'pass' };
  expect(await call('POST', '/api/submissions', other, key)).toMatchObject([409, { code: 'conflict' }]);
  expect(await call('GET', `/api/submissions/${id}`)).toMatchObject([200, { result: details.result }]);
  expect(await call('POST', `/api/submissions/${id}/cancel`)).toMatchObject([200, { state: 'over' }]);

  const client = await Client.connect(platform);
  client.send({ type: 'resume', submission_id: id });
  await client.frame((frame) => 'status' in frame);
  client.send({ type: 'status', submission_id: id });
  const { submission } = await client.frame(({ type }) => type === 'status');
  expect(submission).toMatchObject({ submission_id: id, result: details.result });
  await client.close();
  const events: unknown[] = [];
  for await (const { frame } of eventsOf(url, id, platform)) events.push(frame);
  expect(events).toEqual(client.frames.slice(0, -1));

  const output = await fetch(`${url}/api/submissions/${id}/output?stream=stdout`, {
    headers: { 'X-API-Key': platform.apiKey },
  });
  expect(await output.text()).toBe('before\n');
});

test('what is under way says so, and is cancelled', async () => {
  const id = `http-cancel-${Date.now()}`;
  const code = 'print("up", flush=True)\ninput()';
  const [status, details] = await call('POST', '/api/submissions', {
    user_id: 'http',
    code,
    submission_id: id,
    interactive: true,
  });
  expect([status, details.status, details.result]).toEqual([202, 'running', null]);
  const seen: unknown[] = [];
  for await (const { frame } of eventsOf(url, id, platform)) {
    seen.push(frame.type ?? frame.status);
    if (frame.type === 'output')
      expect(await call('POST', `/api/submissions/${id}/cancel`)).toMatchObject([
        202,
        { state: 'requested' },
      ]);
  }
  expect(seen.at(-1)).toBe('cancelled');
  expect(await call('GET', `/api/submissions/${id}`)).toMatchObject([200, { status: 'cancelled' }]);
});

test('submissions are listed by user, status and time, in pages, over both transports', async () => {
  const since = new Date().toISOString();
  const sent = await Promise.all(
    ['http', 'http', 'http'].map((user_id) =>
      call('POST', '/api/submissions?wait=40', { user_id, code: FAILS }).then(
        ([, body]) => body.submission_id,
      ),
    ),
  );
  const connection = await Connection.connect({ address: stack().temporalAddress });
  const temporal = new Temporal({ connection });
  // Waits until all workflows have closed.
  for (const id of sent) await temporal.workflow.getHandle(`submission-${id as string}`).result();
  const listed = async (query: string) => {
    const ids: unknown[] = [];
    for (let page = ''; ;) {
      const [status, body] = await call('GET', `/api/submissions?${query}${page}`);
      expect(status).toBe(200);
      ids.push(...(body.submissions as Body[]).map(({ submission_id }) => submission_id));
      if (body.next_page === null) return ids.sort();
      page = `&page=${body.next_page as string}`;
    }
  };
  const byTime = `since=${since}&user=http`;
  await eventually(
    async () => expect(await listed(`${byTime}&status=tests_failed&limit=2`)).toEqual(sent.sort()),
    VISIBILITY_MS,
  );
  expect(await listed(`${byTime}&limit=1`)).toEqual(sent);
  expect(await listed(`since=${since}&user=nobody`)).toEqual([]);
  expect(await listed(`${byTime}&status=deployed`)).toEqual([]);
  expect(await listed(`${byTime}&status=running`)).toEqual([]);
  expect((await listed(`until=${since}&user=http`)).filter((id) => sent.includes(id))).toEqual([]);
  expect(await call('GET', '/api/submissions?page=AAAA')).toMatchObject([400, { field: 'page' }]);

  const client = await Client.connect(platform);
  client.send({ type: 'list', user: 'http', since, limit: 2 });
  const list = await client.frame(({ type }) => type === 'list');
  expect(list.submissions).toHaveLength(2);
  expect(list.next_page).toEqual(expect.any(String));
  await client.close();

  // A terminated workflow has no verdict, and no search attribute with its status.
  const ended = `ended-${Date.now()}`;
  await call('POST', '/api/submissions', {
    user_id: 'http',
    code: 'input()',
    interactive: true,
    submission_id: ended,
  });
  await temporal.workflow.getHandle(`submission-${ended}`).terminate('for a test');
  await eventually(
    async () => expect(await listed(`${byTime}&status=internal_error`)).toEqual([ended]),
    VISIBILITY_MS,
  );
  expect(await listed(`${byTime}&status=running`)).toEqual([]);
  await connection.close();
});
