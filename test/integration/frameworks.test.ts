import { randomBytes } from 'node:crypto';
import { expectTheSame, plainProgram, suitesOf, type Made } from '../sandbox/languages/comparison';
import { Client } from './client';
import { removeUsers } from './kubectl';
import { sharedPlatform } from './platform';

/** Tests of frameworks through the whole platform: a pass means that every test completed and passed. */

const USER = `frameworks-${randomBytes(4).toString('hex')}`;

const platform = sharedPlatform();
let client: Client;

beforeAll(async () => {
  client = await Client.connect(platform);
});

afterAll(async () => {
  await client?.close();
  await removeUsers(USER);
});

/**
 * The final frame of a submission without deployment, its tests, and the names of those that did not pass.
 */
async function verdictOf(fields: object) {
  client.frames.length = 0;
  client.send({ user_id: USER, deploy: false, ...fields });
  const final = await client.frame((frame) => 'status' in frame || frame.type === 'error');
  const tests = client.frames.filter(({ type }) => type === 'test') as unknown as Made['tests'];
  const failing = tests.filter(({ outcome }) => outcome !== 'passed' && outcome !== 'skipped');
  return { final, tests, failing: failing.map(({ name }) => name) };
}

const python = (framework: string, files: object, main = 'def f(x): return 2 * x\n') => {
  return { files: { 'main.py': main }, tests: { framework, files } };
};
const javascript = (files: object, main = 'module.exports = { f: (x) => 2 * x };\n') => {
  return { language: 'javascript', files: { 'main.js': main }, tests: { framework: 'test', files } };
};
const NODE =
  "const { test, describe, it, after } = require('node:test'); const assert = require('node:assert'); const { f } = require('./main.js');\n";

const EXITS = 'import os\ndef f(x):\n    if x==2: os._exit(0)\n    return 2*x\n';
const passed = (total: number, skipped = 0) => {
  return { status: 'tests_passed', tests: { total, passed: total - skipped, failed: 0, skipped } };
};
const failed = { status: 'tests_failed', reason: 'tests_failed' };
const endedEarly = (last: string) => ({
  status: 'tests_failed',
  reason: 'runner_ended_early',
  message: expect.stringContaining(`The last test that began was ${JSON.stringify(last)}`) as string,
});

test.each<[string, object, object, string[]?]>([
  [
    'a file that fails to load',
    javascript({
      'a.test.js': `${NODE}test('a',()=>{});`,
      'b.test.js':
        "require('./missing-module');\nrequire('node:test').test('b',()=>{ throw new Error('never') });",
    }),
    failed,
    ['b.test.js'],
  ],
  [
    'a hook that fails after a suite',
    javascript({
      'a.test.js': `${NODE}describe('s',()=>{ after(()=>{ assert.fail('leak') }); it('a',()=>{}) });`,
    }),
    failed,
    ['s'],
  ],
  [
    'a todo test that fails',
    javascript({
      'a.test.js': `${NODE}test('x',()=>{}); test('t',{todo:'later'},()=>{ assert.fail('not yet') });`,
    }),
    passed(2, 1),
  ],
  [
    'a pytest that ends early with 0',
    python(
      'pytest',
      {
        'test_a.py':
          'from main import f\ndef test_1(): assert f(1)==2\ndef test_2(): assert f(2)==4\ndef test_3(): assert f(3)==0\n',
      },
      EXITS,
    ),
    {
      ...endedEarly('test_a.py::test_2'),
      exit_code: 0,
      tests: { total: 3, passed: 1, failed: 1, skipped: 0 },
    },
    ['test_a.py::test_2'],
  ],
  [
    'a unittest that ends early with 0',
    python(
      'unittest',
      {
        'test_a.py':
          'import unittest\nfrom main import f\nclass T(unittest.TestCase):\n    def test_a(self): f(2)\n',
      },
      EXITS,
    ),
    { ...endedEarly('test_a.T.test_a'), exit_code: 0 },
    ['test_a.T.test_a'],
  ],
  [
    'a file of node:test that ends early with 0',
    javascript(
      {
        'a.test.js': `${NODE}test('1',()=>assert.equal(f(1),2)); test('2',()=>assert.equal(f(2),4)); test('3',()=>assert.equal(f(3),0));`,
        'b.test.js': `${NODE}test('ok',()=>{});`,
      },
      'module.exports={f:(x)=>{ if(x===2) process.exit(0); return 2*x }};',
    ),
    endedEarly('2'),
    ['a.test.js'],
  ],
  [
    'a data file',
    python('pytest', {
      'tests/data.json': '4',
      'tests/test_x.py':
        "import json,pathlib\nfrom main import f\ndef test_a(): assert f(2)==json.loads((pathlib.Path(__file__).parent/'data.json').read_text())\n",
    }),
    passed(1),
  ],
  [
    'a package',
    python('pytest', { 'tests/__init__.py': '', 'tests/test_x.py': 'def test_a(): pass\n' }),
    passed(1),
  ],
  [
    '500 parameters, with a limit on output',
    {
      ...python('pytest', {
        'test_a.py':
          "import pytest\n@pytest.mark.parametrize('i', range(500))\ndef test_i(i): assert i >= 0\n",
      }),
      limits: { output_bytes: 10_000 },
    },
    passed(500),
  ],
  [
    'a failure behind many others',
    python('pytest', {
      'test_a.py':
        "import pytest\n@pytest.mark.parametrize('i', range(2000))\ndef test_i(i): assert i != 1000\n",
    }),
    { ...failed, tests: { total: 2000, passed: 1999, failed: 1, skipped: 0 } },
    ['test_a.py::test_i[1000]'],
  ],
  [
    'a teardown that fails',
    python('pytest', {
      'test_a.py':
        "import pytest\n@pytest.fixture\ndef r():\n    yield 1\n    raise RuntimeError('leak')\ndef test_a(r): assert r==1\ndef test_b(): pass\n",
    }),
    { ...failed, tests: { total: 2, passed: 1, failed: 1, skipped: 0 } },
    ['test_a.py::test_a'],
  ],
  [
    'a module that skips itself',
    python('pytest', {
      'test_a.py': "import pytest\npytest.importorskip('nothing_of_this_name')\ndef test_a(): assert 0\n",
      'test_b.py': 'def test_b(): pass\n',
    }),
    passed(2, 1),
  ],
  [
    'the name node:test',
    {
      ...javascript({}),
      tests: { framework: 'node:test', files: { 'a.test.js': "require('node:test').test('a',()=>{})" } },
    },
    passed(1),
  ],
  [
    'a module of the program named as one of ours',
    {
      files: {
        'main.py': 'import reporting\ndef f(x): return reporting.build()\nprint(f(1))\n',
        'reporting.py': "def build(): return 'mine'\n",
      },
      tests: {
        framework: 'unittest',
        files: {
          'test_a.py':
            "import unittest\nfrom main import f\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(2),'mine')\n",
        },
      },
    },
    passed(1),
  ],
])('%s', async (_, fields, expected, failing = []) => {
  const verdict = await verdictOf(fields);
  expect(verdict.final).toMatchObject(expected);
  expect(verdict.failing).toEqual(failing);
});

describe('besides frameworks', () => {
  test('bytes that are not UTF-8 differ from the character that stands for them, and the diff shows it', async () => {
    const { final } = await verdictOf({
      code: "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe abc\\n')",
      tests: { cases: [{ expected_stdout: '\ufffd\ufffd abc' }] },
    });
    expect(final).toMatchObject({ status: 'tests_failed', reason: 'wrong_output' });
    const test = client.frames.find(({ type }) => type === 'test');
    expect(test?.message).toMatch(/^-\ufffd\ufffd abc\n\+\\xff\\xfe abc$/m);
  });

  test.each(['..cfg/x', '..x'])('the file name %s is refused', async (name) => {
    const files = { 'main.py': `print(open(${JSON.stringify(name)}).read())`, [name]: 'dots' };
    expect((await verdictOf({ files })).final).toMatchObject({
      code: 'invalid_message',
      field: expect.stringMatching(/^files/) as string,
      message: expect.stringContaining('must not begin with ".."') as string,
    });
  });

  test.each([
    ['a program that ran and is not valid elsewhere', { code: "print('ran')\nimport other" }, 1],
    ['an exit code of its own', { code: "print('ran')\nraise SystemExit(7)" }, 7],
    [
      'a module of JavaScript',
      { language: 'javascript', code: "import fs from 'node:fs';\nprocess.exit(7)" },
      7,
    ],
    ['an await outside of functions', { language: 'javascript', code: 'await null; process.exit(1)' }, 1],
  ])('%s is no syntax error', async (_, fields, exit_code) => {
    expect((await verdictOf(fields)).final).toMatchObject({ reason: 'failed', exit_code });
  });
});

/** The platform's results for generated suites match those of the plain framework, run in the same pod. */
test.each([
  ['pytest', 21, 'any'],
  ['pytest', 22, 'good'],
  ['unittest', 23, 'any'],
  ['unittest', 24, 'good'],
  ['test', 25, 'any'],
  ['test', 26, 'good'],
] as const)('%s makes the same of the suites of seed %i', async (framework, seed, only) => {
  const files = suitesOf(framework, seed, 3, only);
  const entrypoint = framework === 'test' ? 'main.js' : 'main.py';
  const plain = await verdictOf({
    files: { ...files, [entrypoint]: plainProgram(framework) },
    ...{ entrypoint, args: Object.keys(files) },
  });
  const { final, tests } = await verdictOf({ files: { [entrypoint]: '' }, tests: { framework, files } });
  const counts = final.tests as Made['counts'];
  expectTheSame(framework, files, String(plain.final.stdout), {
    passes: final.status === 'tests_passed',
    ...{ counts, tests },
  });
});
