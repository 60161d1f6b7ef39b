import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from './client';
import { httpUrl } from './contract';
import { DocumentedHttp, DocumentedSocket } from './documentedClient';
import { removeUsers } from './kubectl';
import { sharedPlatform } from './platform';

/** The documents that a gateway serves are sufficient: a client based only on them can do everything. */

const USER = 'documents';
const FAILS = { user_id: USER, code: "print('broken'" };

const platform = sharedPlatform();
const url = httpUrl(platform.url);

afterAll(async () => {
  await removeUsers(USER);
});

test('over the WebSocket: submit, resume, status, list, cancel and stdin', async () => {
  const socket = await DocumentedSocket.connect(url, platform.apiKey);
  const submission_id = randomUUID();
  const told = await socket.call('submit', { ...FAILS, submission_id }, ['final', 'error']);
  expect(told.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['accepted', 'stage', 'output', 'final']),
  );
  const { frame: final } = told.at(-1)!;
  expect(final).toMatchObject({ status: 'tests_failed', namespace: `user-${USER}` });

  const { cursor } = told.at(-2)!.frame;
  const resumed = await socket.call('resume', { type: 'resume', submission_id, cursor }, ['final', 'error']);
  expect(resumed).toEqual([{ kind: 'final', frame: final }]);

  const [status] = await socket.call('status', { type: 'status', submission_id }, [
    'submissionStatus',
    'error',
  ]);
  expect(status).toMatchObject({
    kind: 'submissionStatus',
    frame: { submission: { status: 'tests_failed' } },
  });

  const [list] = await socket.call('list', { type: 'list', user: USER }, ['submissionList', 'error']);
  expect(list).toMatchObject({ kind: 'submissionList' });

  const [cancelled] = await socket.call('cancel', { type: 'cancel', submission_id }, ['cancelled', 'error']);
  expect(cancelled).toMatchObject({ kind: 'cancelled', frame: { submission_id } });

  const stdin = { type: 'stdin', submission_id, data: 'x', offset: 0 };
  const [refused] = await socket.call('stdin', stdin, ['inputTaken', 'error']);
  expect(refused).toMatchObject({ kind: 'error', frame: { submission_id } });
  socket.close();
});

test('over HTTP: submit, status, list, cancel, stdin, live, and what is not there', async () => {
  const http = await DocumentedHttp.connect(url, platform.apiKey);
  const submission_id = randomUUID();
  const path = { submission_id };
  const accepted = await http.call('submit', { body: { ...FAILS, submission_id } });
  expect(accepted).toMatchObject({ status: 202, body: { submission_id } });
  const over = await http.call('status', { path, query: { wait: '50' } });
  expect(over).toMatchObject({ status: 200, body: { status: 'tests_failed' } });
  expect(await http.call('list', { query: { user: USER } })).toMatchObject({ status: 200 });
  expect(await http.call('cancel', { path })).toMatchObject({ body: { submission_id } });
  const stdin = { path, body: { data: 'x', offset: 0 } };
  expect(await http.call('stdin', stdin)).toMatchObject({ body: { type: 'error' } });
  const live = await http.call('live', { path: { user_id: USER } });
  expect(live).toMatchObject({ status: 200, body: { user_id: USER } });

  for (const operation of ['health', 'readiness'])
    expect(await http.call(operation)).toMatchObject({ status: 200 });
  expect(await http.call('status', { path: { submission_id: 'nobody-sent-it' } })).toMatchObject({
    status: 404,
    body: { code: 'not_found' },
  });
});

describe('the lines to paste of the README', () => {
  const readme = readFileSync(join(__dirname, '..', '..', 'README.md'), 'utf8');
  const lines = /```json\n([^]*?)```/.exec(readme)![1]!.trim().split('\n');

  test.each(lines)('%s', async (line) => {
    const message = { ...(JSON.parse(line) as { deploy?: boolean }), user_id: USER };
    const client = await Client.connect(platform, '?progress=false');
    client.send(message);
    const final = await client.frame((frame) => 'status' in frame || frame.type === 'error');
    await client.close();
    expect(final).toMatchObject({ status: message.deploy === false ? 'tests_passed' : 'deployed' });
  });
});
