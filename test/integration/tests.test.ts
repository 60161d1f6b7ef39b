import { Client, type Frame } from './client';
import { kubectl } from './kubectl';
import { startPlatform, type Platform } from './platform';

/** What a submission may bring beside its code, through the whole line: files, input, tests, other languages. */

const USER = 'brings';

let platform: Platform;
let client: Client;

beforeAll(async () => {
  platform = await startPlatform();
  client = await Client.connect(platform);
});

afterAll(async () => {
  await client?.close();
  await platform?.stop();
  await kubectl('delete', 'namespace', `user-${USER}`, '--ignore-not-found', '--wait=false');
});

/** Sends a submission and gives its frames, the final one last. */
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
    { name: 'test_main.py::test_right', outcome: 'passed' },
    {
      name: 'test_main.py::test_other',
      outcome: 'failed',
      message: expect.stringContaining('6 == 7') as string,
    },
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
    expect(await kubectl('logs', '-l', 'app=prod', '-n', `user-${USER}`)).toContain('Hello from node');
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
      { name: 'right', outcome: 'passed' },
      { name: 'wrong', outcome: 'failed' },
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

test('a run that waits for another in the same pod is told its place', async () => {
  const other = await Client.connect(platform);
  other.send({ user_id: USER, code: 'import time; time.sleep(6); raise SystemExit(1)' });
  await other.frame(({ stage, state }) => stage === 'run_tests' && state === 'started');
  client.frames.length = 0;
  client.send({ user_id: USER, code: 'raise SystemExit(1)' });
  expect(await client.frame(({ state }) => state === 'queued')).toMatchObject({ position: 1 });
  await client.frame((frame) => 'status' in frame);
  await other.close();
});

test('a worker that is asked to stop does not wait for the streams that it holds to test pods', async () => {
  expect((await framesOf({ code: 'raise SystemExit(1)' })).at(-1)).toMatchObject({ status: 'tests_failed' });
  const asked = performance.now();
  await platform.worker.stop();
  // Well below the half minute after which a stream that nobody uses is closed by itself.
  expect(performance.now() - asked).toBeLessThan(15_000);
});
