import { Client } from './client';
import { kubectl, podsOf } from './kubectl';
import { startPlatform, type Platform } from './platform';

/** What becomes of code that is wrong, hostile or unlucky. */

let platform: Platform;
let client: Client;

beforeAll(async () => {
  platform = await startPlatform({ RUN_WALL_SECONDS: '4' });
  client = await Client.connect(platform, '?progress=false');
});

afterAll(async () => {
  await client?.close();
  await platform?.stop();
  for (const user of [USER, 'ada', 'grace'])
    await kubectl('delete', 'namespace', `user-${user}`, '--ignore-not-found', '--wait=false');
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
    live: { submission_id: expect.any(String) as string },
  });
  const [program] = (await podsOf(`user-${USER}`)).filter(
    ({ metadata }) => metadata.labels.component === 'program',
  );
  expect(program?.status.containerStatuses).toMatchObject([{ ready: true, restartCount: 0 }]);
  expect(await kubectl('logs', '-l', 'app=prod,component=program', '-n', `user-${USER}`)).toMatch(/good/);
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

/** Ends when the pod's log shows that the program runs. */
async function began(): Promise<void> {
  await kubectl('wait', '--for=condition=Ready', `pod/${USER}-test`, '-n', `user-${USER}`);
  while ((await beginnings()) === 0);
}
