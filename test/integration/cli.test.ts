import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrchestrationClient } from '../../client';
import { contractOf, httpUrl } from './contract';
import { eventually } from './eventually';
import { removeUsers } from './kubectl';
import { sharedPlatform } from './platform';

/** The command line, and the client library that it uses. */

const platform = sharedPlatform();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
  writeFileSync(join(folder, 'main.py'), 'import lib.words\nprint(lib.words.hello)\nraise SystemExit(3)');
  mkdirSync(join(folder, 'lib'));
  writeFileSync(join(folder, 'lib', 'words.py'), 'hello = "Hello"');
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await removeUsers('cli');
});

interface Ended {
  code: number;
  out: string;
  err: string;
}

async function run(args: string[], environment: Record<string, string> = {}): Promise<Ended> {
  const child = spawn('client/cli/orchestration-app.mjs', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      ORCHESTRATION_URL: httpUrl(platform.url),
      ORCHESTRATION_KEY: platform.apiKey,
      ...environment,
    },
  });
  const ended = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (ended.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (ended.err += data.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...ended };
}

test('a folder is submitted and followed; its output, status and place in the list are found again', async () => {
  const id = `cli-${Date.now()}`;
  const followed = await run(['submit', folder, '--user', 'cli', '--id', id, '--follow']);
  expect(followed).toMatchObject({ code: 1, out: 'Hello\n' });
  expect(followed.err).toContain('tests_failed (failed)');
  expect(followed.err).not.toContain('\u001b');
  expect(await run(['logs', id])).toEqual({ code: 0, out: 'Hello\n', err: '' });
  const status = await run(['status', id, '--json']);
  expect(status.code).toBe(1);
  expect(JSON.parse(status.out)).toMatchObject({ submission_id: id, result: { exit_code: 3 } });
  const since = new Date(Date.now() - 60_000).toISOString();
  expect((await run(['list', '--user', 'cli', '--since', since])).out).toContain(id);
  expect(await run(['cancel', id])).toEqual({ code: 0, out: 'over\n', err: '' });
});

test('a program is tested only, and found again by that status', async () => {
  const file = join(folder, 'lib', 'words.py');
  const id = `cli-only-${Date.now()}`;
  const tested = await run(['submit', file, '--user', 'cli', '--id', id, '--test-only', '--follow']);
  expect(tested).toMatchObject({ code: 0, err: expect.stringContaining('tests_passed (passed)') as string });
  expect(tested.err).not.toContain('await_turn');
  expect((await run(['status', id])).code).toBe(0);
  await eventually(async () => {
    const listed = await run(['list', '--user', 'cli', '--status', 'tests_passed', '--limit', '5']);
    expect(listed).toMatchObject({ code: 0, out: expect.stringContaining(id) as string });
  });
});

test('an earlier submission is brought back; one that never was live is refused', async () => {
  const client = new OrchestrationClient({ url: httpUrl(platform.url), key: platform.apiKey });
  const deploy = (code: string) => client.submit({ user_id: 'cli', code }, { waitSeconds: 50 });
  const first = await deploy(`print('first ${Date.now()}')`);
  expect(first.status).toBe('deployed');
  expect((await deploy(`print('second ${Date.now()}')`)).status).toBe('deployed');
  const back = await run(['rollback', 'cli', first.submission_id, '--json']);
  expect(back.code).toBe(0);
  expect(JSON.parse(back.out)).toMatchObject({
    status: 'done',
    live: { submission_id: first.submission_id },
  });
  const { operation_id } = JSON.parse(back.out) as { operation_id: string };
  const operations = (user: string) =>
    `${httpUrl(platform.url)}/api/users/${user}/operations/${operation_id}`;
  const read = (url: string) => fetch(url, { headers: { 'X-API-Key': platform.apiKey } });
  const later = await read(operations('cli'));
  expect(await later.json()).toEqual(JSON.parse(back.out));
  expect((await read(operations('another'))).status).toBe(404);
  const refused = await run(['rollback', 'cli', 'never-was']);
  expect(refused).toMatchObject({ code: 7, err: expect.stringContaining('conflict') as string });
}, 120_000);

test('frames as JSON are those of the contract', async () => {
  const { out } = await run(['submit', join(folder, 'main.py'), '--user', 'cli', '--follow', '--json']);
  const faultsOf = await contractOf(httpUrl(platform.url));
  const frames = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { status?: string });
  for (const frame of frames) expect(faultsOf(frame)).toBeNull();
  expect(frames.at(-1)).toMatchObject({ status: 'tests_failed' });
});

test('what goes wrong has a code and says what to do', async () => {
  expect(await run([])).toMatchObject({ code: 2, err: expect.stringContaining('Usage') as string });
  expect(await run(['status'])).toMatchObject({ code: 2 });
  expect(await run(['status', 'x', '--follow'])).toMatchObject({ code: 2 });
  expect(await run(['submit', join(folder, 'nothing'), '--user', 'cli'])).toMatchObject({ code: 2 });
  const unknown = await run(['status', 'unknown-to-all']);
  expect(unknown).toMatchObject({ code: 7, err: expect.stringContaining('not_found: ') as string });
  expect(await run(['status', 'x'], { ORCHESTRATION_KEY: 'wrong' })).toMatchObject({
    code: 7,
    err: expect.stringContaining('unauthorized') as string,
  });
});

test('a file with the key is read, unless others may read it', async () => {
  const config = join(folder, '.config', 'orchestration-app');
  mkdirSync(config, { recursive: true });
  const file = join(config, 'config.json');
  writeFileSync(file, JSON.stringify({ key: platform.apiKey }), { mode: 0o600 });
  expect(await run(['list', '--limit', '1'], { ORCHESTRATION_KEY: '' })).toMatchObject({ code: 0 });
  chmodSync(file, 0o644);
  expect(await run(['list'], { ORCHESTRATION_KEY: '' })).toMatchObject({
    code: 2,
    err: expect.stringContaining('chmod 600') as string,
  });
  rmSync(file);
});

test('the library goes on after the last frame that was seen', async () => {
  const url = httpUrl(platform.url);
  const client = new OrchestrationClient({ url, key: platform.apiKey });
  const code = 'import time\nfor n in range(5): print(n, flush=True); time.sleep(0.2)\nraise SystemExit(1)';
  const { submission_id: id } = await client.submit({ user_id: 'cli', code });
  const cursors: string[] = [];
  for await (const frame of client.follow(id)) {
    if ('cursor' in frame && frame.cursor !== undefined) cursors.push(frame.cursor);
    if ('type' in frame && frame.type === 'output') break;
  }
  const rest: string[] = [];
  const after = cursors.at(-1)!;
  for await (const frame of client.follow(id, { after }))
    if (frame.cursor !== undefined) rest.push(frame.cursor);
  expect(new Set([...cursors, ...rest]).size).toBe(cursors.length + rest.length);
  expect(await client.status(id)).toMatchObject({ status: 'tests_failed' });
  const { submissions } = await client.list({ user: 'cli', limit: 1 });
  expect(submissions).toHaveLength(1);
});
