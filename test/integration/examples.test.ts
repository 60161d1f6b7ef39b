import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from './client';
import { httpUrl } from './contract';
import { removeUsers } from './kubectl';
import { sharedPlatform } from './platform';

/**
 * Runs the examples of the documents, replacing only user, ids and addresses. The others are in
 * documents.test.ts.
 */

const USER = 'examples';
const ROOT = resolve(__dirname, '..', '..');
const CLI = join(ROOT, 'client', 'cli', 'orchestration-app.mjs');

/** A command that follows never ends: timeout(1) ends it after this many seconds, with this exit code. */
const FOLLOWED_SECONDS = 20;
const ENDED_BY_TIMEOUT = 124;

const platform = sharedPlatform();
const url = httpUrl(platform.url);
/** Unique to this run: a later run would join a submission with the same id. */
const id = (name: string) => `${name}-${process.pid}-${Date.now()}`;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'examples-'));
  writeFileSync(join(folder, 'main.py'), "print('Hello')");
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await removeUsers(USER);
});

/** The first code block of a document after a given text. */
function blockOf(document: string, after: string): string {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const from = text.indexOf(after);
  const block = /```\w*\n([^]*?)```/.exec(text.slice(from));
  if (from < 0 || block === null) throw new Error(`${document} has no block after ${JSON.stringify(after)}`);
  return block[1]!;
}

function bash(script: string): Promise<{ code: number; out: string; err: string }> {
  const env = {
    ...{ PATH: process.env.PATH, HOME: folder, URL: url, API_KEY: platform.apiKey },
    ...{ ORCHESTRATION_URL: url, ORCHESTRATION_USER: USER },
  };
  // curl itself exits with 0 when the server refuses a request.
  const whole = `curl() { command curl --fail-with-body "$@"; }\n${script}`;
  return new Promise((done) => {
    const child = execFile(
      ...(['bash', ['-eu', '-c', whole], { cwd: folder, env, timeout: 150_000 }] as const),
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    );
    child.stdin?.end('typed\n');
  });
}

/** Commands of a block, without comments; commands that follow are limited in time. */
const commandsOf = (block: string, submission = '') =>
  block
    .split('\n')
    .filter((line) => /^(npx orchestration-app|curl) /.test(line))
    .map((line) => line.replace(/ +#.*$/, ''))
    .map((line) => line.replaceAll('SUBMISSION', submission).replaceAll(/\bUSER\b/g, USER))
    .map((line) => line.replace('npx orchestration-app logs test', `npx orchestration-app logs ${USER}`))
    .map((line) => line.replace(/^npx orchestration-app/, CLI))
    .map((line) =>
      /logs .*--follow|follow=true/.test(line)
        ? line.replace(/^curl /, 'curl -sS ').replace(/^/, `timeout ${FOLLOWED_SECONDS} `)
        : line,
    );

test('lines to paste of docs/protocol.md end as it says', async () => {
  const client = await Client.connect(platform, '?progress=false');
  const lines = blockOf('docs/protocol.md', 'Lines to paste into wscat').trim().split('\n');
  expect(lines.length).toBeGreaterThan(8);
  const messages = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const run = id('line');
  for (const [index, message] of messages.entries()) {
    if (message.type === 'stdin') continue; // It was sent with its submission.
    const submission_id = `${run}-${index}`;
    client.send({ ...message, user_id: USER, submission_id });
    const input = messages.find(
      ({ type, submission_id: of }) => type === 'stdin' && of === message.submission_id,
    );
    if (input) client.send({ ...input, submission_id });
    const final = await client.frame(
      (frame) => frame.submission_id === submission_id && ('status' in frame || frame.code !== undefined),
    );
    const passed = message.deploy === false ? 'tests_passed' : 'deployed';
    const status = String(message.code).includes('while True') ? 'tests_failed' : passed;
    expect([lines[index], final]).toMatchObject([lines[index], { status }]);
    if (status === 'tests_failed') expect(final).toMatchObject({ reason: 'timed_out' });
  }
  await client.close();
}, 300_000);

test('calls of docs/http.md answer what they are for', async () => {
  const submission = id('http');
  const calls = blockOf('docs/http.md', '# HTTP')
    .replace(/^URL=.*$/m, '')
    .replaceAll('mine-1', submission)
    .replaceAll('"user_id": "test"', `"user_id": "${USER}"`)
    .replaceAll('user=test', `user=${USER}`);
  expect(calls).toContain(submission);
  const { code, out, err } = await bash(calls);
  expect([code, err]).toEqual([0, expect.any(String)]);
  for (const answer of ['"status":"deployed"', 'data: {', '1\n', '"state":"over"', '"submissions":['])
    expect(out).toContain(answer);
}, 180_000);

test('commands of README.md and docs/logs.md end well', async () => {
  const commands = commandsOf(blockOf('README.md', 'and\nfrom a shell'));
  expect(commands.length).toBeGreaterThan(3);
  const [first = '', ...others] = commands.filter((command) => !command.includes('/ID/'));
  const submission = id('shell');
  const submitted = await bash(`${first} --id ${submission}`);
  expect(submitted).toMatchObject({ code: 0, err: expect.stringContaining('deployed') as string });
  const ofLogs = commandsOf(blockOf('docs/logs.md', '# Logs'), submission);
  const events = commands
    .filter((command) => command.includes('/ID/'))
    .map((command) => command.replace('localhost:8000', '$URL').replace('/ID/', `/${submission}/`));
  const all = [...others, ...ofLogs, ...events];
  const ended = await Promise.all(all.map(async (command) => [command, await bash(command)] as const));
  for (const [command, { code, err }] of ended)
    expect([command, code, err]).toEqual([
      command,
      command.startsWith('timeout') ? ENDED_BY_TIMEOUT : 0,
      expect.any(String),
    ]);
}, 240_000);
