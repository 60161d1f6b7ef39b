import { randomBytes } from 'node:crypto';
import { Client, type Frame } from './client';
import { httpUrl } from './contract';
import { eventually } from './eventually';
import { kubectl, programLogs, removeUsers } from './kubectl';
import { submit } from './deployed';
import { sharedPlatform, startPlatform } from './platform';

/** What a submission may contain besides code, through the whole platform: files, input, tests, languages. */

const USER = `brings-${randomBytes(4).toString('hex')}`;

const platform = sharedPlatform();
let client: Client;

beforeAll(async () => {
  client = await Client.connect(platform);
});

afterAll(async () => {
  await client?.close();
  await removeUsers(USER);
});

/** Sends a submission and returns its frames, the final one last. */
async function framesOf(fields: object): Promise<Frame[]> {
  client.frames.length = 0;
  client.send({ user_id: USER, ...fields });
  await client.frame((frame) => 'status' in frame || frame.type === 'error');
  return [...client.frames];
}

const of = (type: string, frames: Frame[]) => frames.filter((frame) => frame.type === type);

const DOUBLE = 'print(2 * int(input()))';

test('cases are compared outside the pod, and one that differs is shown as a diff', async () => {
  const cases = [
    { name: 'two', stdin: '2\n', expected_stdout: '4\n' },
    { name: 'three', stdin: '3\n', expected_stdout: '7\n' },
    { stdin: 'x\n', expected_stdout: '' },
  ];
  const frames = await framesOf({ code: DOUBLE, tests: { cases } });
  expect(of('test', frames)).toMatchObject([
    { name: 'two', outcome: 'passed', message: null },
    { name: 'three', outcome: 'wrong_output', message: expect.stringMatching(/^-7$[^]*^\+6$/m) as string },
    { name: 'case 3', outcome: 'failed', message: expect.stringContaining('ValueError') as string },
  ]);
  expect(frames.at(-1)).toMatchObject({
    status: 'tests_failed',
    reason: 'wrong_output',
    tests: { total: 3, passed: 1 },
  });
});

/** The states of its stages, in order: the stages of a user's first submission do not fail. */
const statesOf = (frames: Frame[]) =>
  of('stage', frames).map(({ stage, state }) => `${String(stage)} ${String(state)}`);

test.each([{}, { test_database: true }])(
  'the first submission of a user prepares the environment, and no stage of it failed (%j)',
  async (asked) => {
    const user_id = `first-${randomBytes(4).toString('hex')}`;
    const frames = await framesOf({ user_id, code: 'print(1)', deploy: false, ...asked });
    const first = 'test_database' in asked ? 'prepare_test_database' : 'run_tests';
    expect(statesOf(frames)).toEqual(
      expect.arrayContaining([`${first} deferred`, 'prepare_environment completed', 'run_tests completed']),
    );
    expect(statesOf(frames).filter((state) => state.includes('failed'))).toEqual([]);
    expect(JSON.stringify(frames)).not.toMatch(/\b404\b/);
    expect(frames.at(-1)).toMatchObject({ status: 'tests_passed' });
    await removeUsers(user_id);
  },
  120_000,
);

test('a case that expects a long run of blanks is compared at once', async () => {
  const cases = [{ expected_stdout: `${' '.repeat(30_000)}x` }];
  const frames = await framesOf({ code: "print('x')", tests: { cases } });
  expect(frames.at(-1)).toMatchObject({ status: 'tests_failed', reason: 'wrong_output' });
});

test('with deploy: false a program that reads its input passes its tests, and nothing is deployed', async () => {
  const cases = [{ stdin: '2', expected_stdout: '4' }];
  const submission_id = `only-tested-${Date.now()}`;
  const asked = { code: DOUBLE, tests: { cases }, deploy: false, submission_id };
  const frames = await framesOf(asked);
  expect(frames.at(-1)).toMatchObject({
    ...{ status: 'tests_passed', reason: 'passed', rollout: null, migration: null, live: null },
    tests: { total: 1, passed: 1 },
  });
  const stages = new Set(of('stage', frames).map(({ stage }) => stage));
  expect([...stages].filter((stage) => stage !== 'prepare_environment')).toEqual(['run_tests']);
  const pods = await kubectl('get', 'pods', '-n', `user-${USER}`, '-l', 'app=prod', '-o', 'name');
  expect(pods).not.toContain('prod');

  // Sending it again joins the first; with another value of the field it conflicts.
  expect((await framesOf(asked)).at(-1)).toEqual(frames.at(-1));
  expect((await framesOf({ ...asked, deploy: true })).at(-1)).toMatchObject({ code: 'conflict' });
  expect((await framesOf({ code: 'pass', deploy: 'no' })).at(-1)).toMatchObject({
    ...{ type: 'error', code: 'invalid_message', field: 'deploy' },
    message: 'deploy must be true or false',
  });

  const failing = await framesOf({ code: DOUBLE, stdin: 'x', deploy: false });
  expect(failing.at(-1)).toMatchObject({ status: 'tests_failed', reason: 'failed' });

  const http = httpUrl(platform.url);
  const headers = { 'X-API-Key': platform.apiKey };
  const content = await fetch(`${http}/api/submissions/${submission_id}/content`, { headers });
  expect(await content.json()).toMatchObject({ deploy: false });
  await eventually(async () => {
    const query = `user=${USER}&status=tests_passed`;
    const list = await fetch(`${http}/api/submissions?${query}`, { headers });
    expect(await list.json()).toMatchObject({ submissions: [{ submission_id, status: 'tests_passed' }] });
  });
});

test('what a case expects is not in the pod for a program to find', async () => {
  const code = `
import os
needle = 'expected-' + '4711'
found = [text for text in os.environ.values() if needle in text]
paths = [os.path.join(root, name) for place in ('/work', '/tmp', '/dev/shm', '/opt', '/etc', '/run')
         for root, _, names in os.walk(place) for name in names]
paths += [f'/proc/{pid}/{name}' for pid in os.listdir('/proc') if pid.isdigit() for name in ('environ', 'cmdline')]
for path in paths:
    try:
        with open(path, errors='replace') as file:
            if needle in file.read(100_000): found.append(path)
    except OSError: pass
print(needle if found else 'nothing')`;
  const frames = await framesOf({ code, tests: { cases: [{ expected_stdout: 'expected-4711' }] } });
  expect(frames.at(-1)).toMatchObject({ reason: 'wrong_output', stdout: 'nothing\n' });
});

test('pytest runs test files beside the program, and each test is told', async () => {
  const files = { 'main.py': 'def double(n): return 2 * n' };
  const test = (expected: number) => `
import pytest
from main import double
def test_right(): assert double(2) == 4
def test_other(): assert double(3) == ${expected}
@pytest.mark.skip(reason='later')
def test_later(): pass`;
  const failing = await framesOf({
    files,
    tests: { framework: 'pytest', files: { 'test_main.py': test(7) } },
  });
  expect(of('step', failing).map(({ step, state }) => `${String(step)} ${String(state)}`)).toEqual([
    'syntax passed',
    'run passed',
    'tests failed',
  ]);
  expect(of('test', failing)).toMatchObject([
    {
      name: 'test_main.py::test_other',
      outcome: 'failed',
      message: expect.stringContaining('6 == 7') as string,
    },
    { name: 'test_main.py::test_right', outcome: 'passed' },
    { name: 'test_main.py::test_later', outcome: 'skipped' },
  ]);
  expect(failing.at(-1)).toMatchObject({ status: 'tests_failed', reason: 'tests_failed' });

  const passing = await framesOf({
    files,
    tests: { framework: 'pytest', files: { 'test_main.py': test(6) } },
  });
  expect(passing.at(-1)).toMatchObject({ status: 'deployed', tests: { total: 3, passed: 2 } });
});

test('test files without a test do not pass', async () => {
  const tests = { framework: 'unittest', files: { 'test_main.py': '' } };
  const frames = await framesOf({ code: 'pass', tests });
  expect(frames.at(-1)).toMatchObject({ status: 'tests_failed', reason: 'no_tests' });
});

test('input, arguments and variables reach the program', async () => {
  const code = "import os, sys; print(input(), sys.argv[1:], os.environ['NAME']); raise SystemExit(4)";
  const asked = { code, stdin: 'typed', args: ['a b'], env: { NAME: 'Ada' } };
  expect((await framesOf(asked)).at(-1)).toMatchObject({ exit_code: 4, stdout: "typed ['a b'] Ada\n" });
});

test('a limit below the platform’s holds', async () => {
  const frames = await framesOf({ code: 'while True: pass', limits: { wall_seconds: 0.5 } });
  expect(frames.at(-1)).toMatchObject({ reason: 'timed_out' });
  expect(Number(frames.at(-1)?.wall_ms)).toBeLessThan(3_000);
});

describe('in JavaScript', () => {
  const javascript = (code: string) => framesOf({ language: 'javascript', code });

  test('a program is tested and deployed', async () => {
    expect((await javascript("console.log('Hello from node')")).at(-1)).toMatchObject({
      status: 'deployed',
      stdout: 'Hello from node\n',
    });
    expect(await programLogs(`user-${USER}`)).toContain('Hello from node');
  });

  test('a syntax error is told from an exception, each with its line', async () => {
    expect((await javascript("\nconsole.log('broken'")).at(-1)).toMatchObject({
      reason: 'syntax_error',
      error: { message: 'SyntaxError: missing ) after argument list', file: 'main.js', line: 2 },
    });
    expect((await javascript("\nthrow new TypeError('no good')")).at(-1)).toMatchObject({
      reason: 'failed',
      error: { message: 'TypeError: no good', file: 'main.js', line: 2 },
    });
  });

  test('memory has its limit', async () => {
    const hog = 'const held = []; for (;;) held.push(new Array(1e6).fill(held.length))';
    expect((await javascript(hog)).at(-1)).toMatchObject({ status: 'tests_failed', reason: 'out_of_memory' });
  });

  test('node:test runs test files', async () => {
    const file = `
const test = require('node:test'); const assert = require('node:assert');
const { double } = require('./main.js');
test('right', () => assert.equal(double(2), 4));
test('wrong', () => assert.equal(double(2), 5));`;
    const files = { 'main.js': 'exports.double = (n) => 2 * n' };
    const frames = await framesOf({ files, tests: { framework: 'test', files: { 'main.test.js': file } } });
    expect(of('test', frames)).toMatchObject([
      { name: 'wrong', outcome: 'failed' },
      { name: 'right', outcome: 'passed' },
    ]);
  });
});

test('a program that serves passes its tests and is reached in production', async () => {
  const code = `
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'served')
http.server.HTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()`;
  expect((await framesOf({ code })).at(-1)).toMatchObject({ status: 'deployed', serving: true });
  const service = [
    'get',
    'service',
    `${USER}-prod`,
    '-n',
    `user-${USER}`,
    '-o',
    'jsonpath={.spec.clusterIP}',
  ];
  expect(await (await fetch(`http://${await kubectl(...service)}`)).text()).toBe('served');
});

test('a run that waits for another in the same pod is told so, and that its turn has come', async () => {
  const other = await Client.connect(platform);
  const submission_id = `waits-${Date.now()}`;
  other.send({
    user_id: USER,
    code: "input('waits'); raise SystemExit(1)",
    submission_id,
    interactive: true,
  });
  await other.frame(({ type }) => type === 'output');
  client.frames.length = 0;
  client.send({ user_id: USER, code: 'raise SystemExit(1)' });
  await client.frame(({ state, cursor }) => state === 'queued' && cursor !== undefined);
  other.send({ type: 'stdin', submission_id, data: '\n' });
  expect(await client.frame((frame) => 'status' in frame)).toMatchObject({ status: 'tests_failed' });
  const states = client.frames.filter(({ stage }) => stage === 'run_tests').map(({ state }) => state);
  expect(states.slice(states.lastIndexOf('queued'))).toEqual(['queued', 'started', 'completed']);
  await other.close();
});

test('a worker that is asked to stop does not wait for the streams that it holds to test pods', async () => {
  const own = await startPlatform();
  expect(await submit(own, USER, 'raise SystemExit(1)')).toMatchObject({ status: 'tests_failed' });
  const asked = performance.now();
  await own.stop();
  // Well below the half minute after which an unused stream is closed.
  expect(performance.now() - asked).toBeLessThan(15_000);
});
