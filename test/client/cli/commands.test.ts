import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import pino from 'pino';
import { USAGE } from '../../../client/cli/arguments';
import { runCommand } from '../../../client/cli/commands';
import { exitCodeOfError, exitCodeOfStatus } from '../../../client/cli/exitCodes';
import { DEFAULT_LIMITS } from '../../../gateway/limits';
import { startServer, type RunningServer } from '../../../gateway/server';
import { SUBMISSION_STATUSES } from '../../../workflows/contract';
import { FakeSubmissions } from '../../gateway/fakeSubmissions';
import { rules } from '../../gateway/protocol/rules';

/** The command line against a gateway with a fake platform. */

const API_KEY = 'a key for the tests only';

let server: RunningServer;
let submissions: FakeSubmissions;
let folder: string;
let printed: { out: string; err: string };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-unit-'));
  writeFileSync(join(folder, 'main.py'), 'pass');
  submissions = new FakeSubmissions();
  const settings = { API_KEY, HOST: '127.0.0.1', PORT: 0 };
  const parts = { submissions, rules, logger: pino({ level: 'silent' }) };
  server = await startServer(settings, { ...parts, limits: DEFAULT_LIMITS });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  printed = { out: '', err: '' };
  jest.replaceProperty(process, 'env', {
    HOME: folder,
    ORCHESTRATION_URL: server.url,
    ORCHESTRATION_KEY: API_KEY,
    ORCHESTRATION_USER: 'test',
  });
});

afterEach(() => jest.restoreAllMocks());

const run = (...args: string[]) =>
  runCommand(args, {
    out: (text) => void (printed.out += text.toString()),
    err: (text) => void (printed.err += text),
    colours: false,
    input: () => Readable.from([]),
  });

test('submit --test-only asks for no deployment; without it, the field is not sent', async () => {
  const file = join(folder, 'main.py');
  expect(await run('submit', file, '--test-only', '--follow')).toBe(0);
  expect(submissions.submitted).toMatchObject({ deploy: false });
  expect(printed.err).toContain('tests_passed');
  expect(await run('submit', file, '--follow')).toBe(0);
  expect(submissions.submitted).not.toHaveProperty('deploy');
  expect(printed.err).toContain('deployed');
});

test.each([
  ['http://test.apps.localhost:8000/', 'http://test.apps.localhost:8000/'],
  ['/apps/test/', '{gateway}/apps/test/'],
])('a program that serves is shown with its URL: %s', async (url, shown) => {
  const follow = submissions.follow.bind(submissions);
  jest.spyOn(submissions, 'follow').mockImplementation(async function* (...asked) {
    for await (const frame of follow(...asked))
      yield 'status' in frame ? { ...frame, serving: true, url } : frame;
  });
  expect(await run('submit', join(folder, 'main.py'), '--follow')).toBe(0);
  expect(printed.err.trim().split('\n').at(-1)).toBe(shown.replace('{gateway}', server.url));
});

test('submit --worker says that the program keeps running', async () => {
  expect(await run('submit', join(folder, 'main.py'), '--worker')).toBe(0);
  expect(submissions.submitted).toMatchObject({ production: { kind: 'worker' } });
});

test('submit --set sets any field, to JSON or else to text', async () => {
  const set = ['deploy=false', 'limits={"wall_seconds":5}', 'stdin=a=b', 'args=["1"]', 'env={"A": "b=c"}'];
  const args = [...set, 'user_id=ada', 'submission_id=s9', 'entrypoint=main.py'].flatMap((each) => [
    '--set',
    each,
  ]);
  expect(await run('submit', join(folder, 'main.py'), ...args)).toBe(0);
  expect(submissions.submitted).toMatchObject({
    userId: 'ada',
    submissionId: 's9',
    deploy: false,
    limits: { wallMs: 5_000 },
    input: { stdin: 'a=b', args: ['1'], env: { A: 'b=c' } },
    program: { entrypoint: 'main.py' },
  });
});

test.each([
  ['colour=red', 'colour'],
  ['limits={"wall_seconds":"long"}', 'limits.wall_seconds'],
  ['limits={"wall_seconds":5', 'limits'],
  ['stdin=5', 'stdin'],
  ['code=pass', 'files'],
])('submit --set %s is refused by the gateway, which names the field', async (setting, field) => {
  const refused = await run('submit', join(folder, 'main.py'), '--set', setting).catch(
    (error: unknown) => error,
  );
  expect(exitCodeOfError(refused)).toBe(7);
  expect(String(refused)).toContain(field);
});

test('only submit takes --test-only', async () => {
  const refused = await run('list', '--test-only').catch((error: unknown) => error);
  expect(exitCodeOfError(refused)).toBe(2);
  expect(String(refused)).toContain('list takes no --test-only');
});

test('list --status takes the status of a submission that was only tested', async () => {
  expect(await run('list', '--status', 'tests_passed')).toBe(0);
  expect(submissions.asked).toMatchObject({ status: 'tests_passed' });
});

test('each status has its exit code, and the usage names them', () => {
  expect(Object.fromEntries(SUBMISSION_STATUSES.map((status) => [status, exitCodeOfStatus(status)]))).toEqual(
    {
      running: 0,
      deployed: 0,
      tests_passed: 0,
      tests_failed: 1,
      deploy_failed: 3,
      superseded: 4,
      cancelled: 5,
      internal_error: 6,
    },
  );
  expect(USAGE).toContain('--test-only');
  expect(USAGE).toContain('0 done, deployed or tests_passed');
});

test.each([['--help'], ['-h'], ['help'], ['help', 'submit'], ['submit', '--help']])(
  '%s %s prints the usage and is no mistake',
  async (...args) => {
    expect(await run(...args.filter(Boolean))).toBe(0);
    expect(printed).toEqual({ out: `${USAGE}\n`, err: '' });
  },
);

test.each(['--version', '-v'])('%s prints the version', async (option) => {
  expect(await run(option)).toBe(0);
  expect(printed.out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('help needs no key', async () => {
  jest.replaceProperty(process, 'env', { HOME: folder });
  expect(await run('--help')).toBe(0);
});

test('list is about the user of the settings, unless it is asked for another or for all', async () => {
  expect(await run('list')).toBe(0);
  expect(submissions.asked).toMatchObject({ user: 'test' });
  expect(await run('list', '--user', 'ada')).toBe(0);
  expect(submissions.asked).toMatchObject({ user: 'ada' });
  expect(await run('list', '--all-users')).toBe(0);
  expect(submissions.asked).not.toHaveProperty('user');
  await expect(run('list', '--all-users', '--user', 'ada')).rejects.toThrow('either --user or --all-users');
});

test('list takes times as how long ago, and says which it understands', async () => {
  const before = Date.now();
  expect(await run('list', '--since', '10m', '--until', '1s')).toBe(0);
  const { since, until } = submissions.asked as { since: string; until: string };
  expect(Date.parse(since) - before).toBeGreaterThanOrEqual(-600_000);
  expect(Date.parse(since) - before).toBeLessThan(-590_000);
  expect(Date.parse(until)).toBeGreaterThan(Date.parse(since));
  await expect(run('list', '--since', '10 minutes')).rejects.toThrow('--since must be how long ago');
});

test('an address at which nothing answers is named within 5 s, with what to do', async () => {
  const url = 'http://127.0.0.1:1';
  jest.replaceProperty(process, 'env', { ...process.env, ORCHESTRATION_URL: url });
  const startedAt = performance.now();
  const refused = await run('list').catch((error: unknown) => error);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(exitCodeOfError(refused)).toBe(8);
  expect(String(refused)).toContain(
    `No gateway answers at ${url}. Start one with "npm start", or set ORCHESTRATION_URL`,
  );
});

test.each([
  ['submit', 'submit needs a file or a folder'],
  ['submit no-such-file', 'no-such-file does not exist'],
  ['submit main.py --stdin no-such-file', 'Cannot read no-such-file'],
  ['submit main.py --tests no-such-file', 'Cannot read no-such-file'],
  ['submit main.py --tests main.py', 'main.py is not JSON'],
  ['submit main.py --no-such-option', "Unknown option '--no-such-option'"],
  ['submit main.py --part test', 'submit takes no --part'],
  ['submit main.py other.py', 'Usage'],
  ['submit main.py --set deploy', '--set must be FIELD=VALUE, such as --set deploy=false, and is "deploy"'],
  ['submit main.py --set =false', 'and is "=false"'],
  ['submit main.py --set', "Option '--set"],
  ['submit main.py --test-only --set deploy=true', '--set deploy: --test-only sets this field too'],
  ['submit main.py --set user_id=ada --user eve', '--set user_id: --user sets this field too'],
  ['submit main.py --set submission_id=a --id b', '--set submission_id: --id sets this field too'],
  ['submit main.py --set files={}', '--set files: FILE|DIR sets this field too'],
  ['submit main.py --set stdin=a --set stdin=b', '--set stdin: another --set sets this field too'],
  ['list --set deploy=false', 'list takes no --set'],
  ['no-such-command', 'Usage'],
  ['status', 'status needs the id of a submission'],
  ['status s1 --wait long', '--wait must be a number, and is "long"'],
  ['list --limit all', '--limit must be a number'],
  ['list --since yesterday', '--since must be how long ago'],
  ['list --user ada --all-users', 'either --user or --all-users'],
  ['list ada', 'Usage'],
  ['logs', 'logs needs a user or the id of a submission'],
  ['logs ada --stream all', '--stream must be stdout or stderr'],
  ['logs ada --stream stdout --part prod', '--stream goes with what a submission printed'],
  ['logs ada --tail all', '--tail must be a number'],
  ['cancel', 'cancel needs the id of a submission'],
  ['live', 'live needs a user'],
  ['rollback', 'rollback needs a user'],
  ['rollback ada', 'rollback needs the id of a submission'],
])('"%s" is refused before any connection', async (line, message) => {
  const connections = jest.spyOn(global, 'fetch');
  const args = line.split(' ').map((arg) => (arg === 'main.py' ? join(folder, arg) : arg));
  const refused = await run(...args).catch((error: unknown) => error);
  expect(String(refused)).toContain(message);
  expect(exitCodeOfError(refused)).toBe(2);
  expect(connections).not.toHaveBeenCalled();
});

test('submit without a user is refused before any connection', async () => {
  jest.replaceProperty(process, 'env', { ...process.env, ORCHESTRATION_USER: '' });
  const connections = jest.spyOn(global, 'fetch');
  await expect(run('submit', join(folder, 'main.py'))).rejects.toThrow('Give --user');
  expect(connections).not.toHaveBeenCalled();
});

test('an address without http is a mistake that is named', async () => {
  jest.replaceProperty(process, 'env', { ...process.env, ORCHESTRATION_URL: 'localhost:8000' });
  await expect(run('list')).rejects.toThrow(
    'ORCHESTRATION_URL must be an address such as http://localhost:8000',
  );
});

test('open prints the address that shows the submission', async () => {
  expect(await run('open', 'a b')).toBe(0);
  expect(printed.out).toBe(`${new URL('/?submission=a%20b', server.url).href}\n`);
});

test('submit says what of a folder it leaves out', async () => {
  const program = join(folder, 'program');
  mkdirSync(join(program, '.git'), { recursive: true });
  writeFileSync(join(program, 'main.py'), 'pass');
  expect(await run('submit', program)).toBe(0);
  expect(printed.err).toBe('Left out: .git/.\n');
  expect(submissions.submitted).toMatchObject({ program: { files: { 'main.py': 'pass' } } });
});
