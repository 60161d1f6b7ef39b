import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from './client';
import { removeUsers } from './kubectl';
import { runScript } from './script';
import { startPlatform, type Platform } from './platform';
import { stack } from './stack';

/** `npm run replay` with runs on a real server. */

const USER = 'replay';

/** A separate platform, because the command replays every open run of a platform. */
let platform: Platform;
let workflowId: string;

beforeAll(async () => {
  platform = await startPlatform();
  const client = await Client.connect(platform);
  workflowId = String((await client.submit(USER, 'raise SystemExit(1)')).workflow_id);
  await client.close();
});

afterAll(async () => {
  await platform?.stop();
  await removeUsers(USER);
});

const replay = (...args: string[]) =>
  runScript('operations/replay/main.ts', args, {
    TEMPORAL_ADDRESS: stack().temporalAddress,
    TEMPORAL_TASK_QUEUE: platform.taskQueue,
  });

test('a workflow is replayed by its id', async () => {
  const { code, output } = await replay('--workflow-id', workflowId);
  expect(output).toBe(`ok        ${workflowId}\n1 ok, 0 diverge, 0 not replayed\n`);
  expect(code).toBe(0);
});

test('what a filter finds is replayed, and so is what the gate looks at', async () => {
  const byUser = await replay('--query', `UserId = "${USER}" AND TaskQueue = "${platform.taskQueue}"`);
  expect(byUser).toMatchObject({
    code: 0,
    output: expect.stringContaining(`ok        ${workflowId} `) as string,
  });
  const gate = await replay('--gate');
  expect(gate).toMatchObject({
    code: 0,
    output: expect.stringContaining(`ok        ${workflowId} `) as string,
  });
});

test('one history that cannot be followed is an error, and the others are replayed all the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'replay-'));
  const cut = join(folder, 'cut.json');
  await writeFile(cut, '{"events": []}');
  const { code, output } = await replay(cut, 'test/replay/histories/deployed.json');
  await rm(folder, { recursive: true });
  expect(output).toContain(`FAILED    ${cut}\n          It cannot be read: it has no list of events\n`);
  expect(output).toContain('ok        test/replay/histories/deployed.json\n');
  expect(output).toContain('1 ok, 0 diverge, 1 not replayed\n');
  expect(code).toBe(1);
});

test.each([
  [[], 2, 'Usage:'],
  [['--gate', '--workflow-id', 'x'], 2, 'Usage:'],
  [['--nonsense'], 2, '--nonsense'],
  [['--query', 'x', '--most', '0'], 2, '--most must be a whole number from 1 to 999999, and is 0.'],
  [['--query', 'no filter'], 1, 'Failed to list workflows: '],
  [['--workflow-id', 'nowhere'], 1, 'FAILED    nowhere\n          It cannot be read: '],
])('%j ends with %d', async (args, expected, said) => {
  const { code, output } = await replay(...args);
  expect(output).toContain(said);
  expect(code).toBe(expected);
});
