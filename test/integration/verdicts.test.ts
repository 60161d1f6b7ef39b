import { Client } from './client';
import { eventually } from './eventually';
import { kubectl, podsOf, programLogs, removeUsers } from './kubectl';
import { startPlatform, type Platform } from './platform';

/** The verdicts on code that is wrong, hostile or unlucky. */

let platform: Platform;
let client: Client;

beforeAll(async () => {
  platform = await startPlatform({ RUN_WALL_SECONDS: '4' });
  client = await Client.connect(platform, '?progress=false');
});

afterAll(async () => {
  await client?.close();
  await platform?.stop();
  for (const user of [USER, 'ada', 'grace']) await removeUsers(user);
});

const USER = 'verdicts';

test.each([
  ['a syntax error', 'def f(:\n  pass', { reason: 'syntax_error', error: { file: 'main.py', line: 1 } }],
  [
    'an exception',
    "x = 1\nraise ValueError('no good')",
    { reason: 'failed', exit_code: 1, error: { message: 'ValueError: no good', line: 2 } },
  ],
  ['an exit code', 'import sys; sys.exit(3)', { reason: 'failed', exit_code: 3 }],
  ['an infinite loop', 'while True: pass', { reason: 'timed_out' }],
  [
    'a server on a wrong port of loopback',
    "import socket, time\ns = socket.create_server(('127.0.0.1', 5000))\ntime.sleep(60)",
    {
      reason: 'timed_out',
      message: expect.stringContaining('listens on 127.0.0.1:5000; listen on 0.0.0.0:$PORT') as string,
    },
  ],
  ['100 MB of output', "for _ in range(100): print('x' * 1_000_000)", { reason: 'too_much_output' }],
  ['what looks like a verdict', `print('{"status": "deployed"}'); raise SystemExit(1)`, { reason: 'failed' }],
])('%s fails the tests and says why', async (_, code, expected) => {
  expect(await client.submit(USER, code)).toMatchObject({
    status: 'tests_failed',
    namespace: `user-${USER}`,
    ...expected,
  });
});

test('a test pod that was deleted is made again, and the submission ends as it should', async () => {
  await client.submit(USER, 'raise SystemExit(1)');
  const before = (await podsOf(`user-${USER}`)).find(({ metadata }) => metadata.name === `${USER}-test`);
  await kubectl('delete', 'pod', `${USER}-test`, '-n', `user-${USER}`, '--wait=false');
  expect(await client.submit(USER, "raise ValueError('after')")).toMatchObject({
    status: 'tests_failed',
    reason: 'failed',
  });
  const after = (await podsOf(`user-${USER}`)).find(({ metadata }) => metadata.name === `${USER}-test`);
  expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
});

test('a program that passes its tests and crashes in production leaves the last good one live', async () => {
  expect(await client.submit(USER, "print('good')")).toMatchObject({ status: 'deployed' });
  const crashing = "import os\nif os.environ.get('DATABASE_URL'): raise SystemExit('only in production')";
  expect(await client.submit(USER, crashing)).toMatchObject({
    status: 'deploy_failed',
    reason: 'crash_loop',
    message: expect.stringMatching(
      /crashed in production with exit code 1.*Last lines:\nonly in production$/,
    ) as string,
    live: { submission_id: expect.any(String) as string },
  });
  const [program] = (await podsOf(`user-${USER}`)).filter(
    ({ metadata }) => metadata.labels.component === 'program',
  );
  expect(program?.status.containerStatuses).toMatchObject([{ ready: true, restartCount: 0 }]);
  expect(await programLogs(`user-${USER}`)).toMatch(/good/);
});

test('a program that fails in production for want of input is told so, and what to do', async () => {
  const tests = { cases: [{ stdin: '2', expected_stdout: '4' }] };
  client.send({
    user_id: USER,
    code: 'print(2 * int(input()))',
    tests,
    submission_id: `input-${Date.now()}`,
  });
  const final = await client.frame(({ submission_id }) => String(submission_id).startsWith('input-'));
  expect(final).toMatchObject({ status: 'deploy_failed', reason: 'crash_loop' });
  expect(final.message).toMatch(/It seems to read input.*"deploy": false.*EOFError/s);
});

test('production starts a program with the input and arguments that it was submitted with', async () => {
  const code = "import sys\nprint('given', input(), sys.argv[1:])";
  const submission_id = `given-${Date.now()}`;
  client.send({ user_id: USER, code, stdin: 'a line\n', args: ['-v', '$(PORT)'], submission_id });
  const final = await client.frame((frame) => frame.submission_id === submission_id);
  expect(final).toMatchObject({ status: 'deployed' });
  expect(await programLogs(`user-${USER}`)).toContain("given a line ['-v', '$(PORT)']");
});

test('a worker, which keeps running and serves no port, is tested and deployed', async () => {
  const code = "import time\nprint('works', flush=True)\ntime.sleep(3600)";
  const submission_id = `worker-${Date.now()}`;
  client.send({ user_id: USER, code, production: { kind: 'worker' }, submission_id });
  const final = await client.frame((frame) => frame.submission_id === submission_id);
  expect(final).toMatchObject({ status: 'deployed', exit_code: null, serving: false });
  expect(await programLogs(`user-${USER}`)).toMatch(/works/);
});

test('two users at once each get their own answer from their own namespace', async () => {
  const other = await Client.connect(platform, '?progress=false');
  const whoAmI = "import os, socket; print('I am in', socket.gethostname()); raise SystemExit(7)";
  const [one, two] = await Promise.all([client.submit('ada', whoAmI), other.submit('grace', whoAmI)]);
  await other.close();
  expect(one).toMatchObject({ namespace: 'user-ada', exit_code: 7 });
  expect(two).toMatchObject({ namespace: 'user-grace', exit_code: 7 });
  expect(await kubectl('logs', 'ada-test', '-n', 'user-ada')).toContain('I am in ada-test');
  expect(await kubectl('logs', 'ada-test', '-n', 'user-ada')).not.toContain('grace');
});

test('a submission whose worker is killed while it runs ends right, from one execution', async () => {
  const watching = await Client.connect(platform);
  const code = "import time\nprint('began')\ntime.sleep(2)\nraise SystemExit(5)";
  watching.send({ user_id: USER, code });
  await watching.frame(({ stage, state }) => stage === 'run_tests' && state === 'started');
  await began();
  await platform.worker.stop('SIGKILL');
  await platform.startWorker();
  const final = await watching.frame((frame) => 'status' in frame);
  await watching.close();
  expect(final).toMatchObject({ status: 'tests_failed', reason: 'failed', exit_code: 5 });
  expect(await beginnings()).toBe(1);
});

const beginnings = async () =>
  (await kubectl('logs', `${USER}-test`, '-n', `user-${USER}`)).split('began').length - 1;

/** Resolves when the pod's log shows that the program runs. */
async function began(): Promise<void> {
  await kubectl('wait', '--for=condition=Ready', `pod/${USER}-test`, '-n', `user-${USER}`);
  await eventually(async () => expect(await beginnings()).toBe(1));
}
