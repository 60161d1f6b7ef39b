import { verdictOf, withPytest, type Files, type Framework } from './runners';

/** The runners of test frameworks: what they report, and the verdict that the worker derives from it. */

const onPytest = withPytest() === null ? test.skip : test;
const on = (framework: Framework) => (framework === 'pytest' ? onPytest : test);

const MAIN = 'import os\ndef f(x):\n    if x == 2: os._exit(0)\n    return 2 * x\n';
const THREE =
  'from main import f\ndef test_1(): assert f(1) == 2\ndef test_2(): assert f(2) == 4\ndef test_3(): pass\n';
const NODE = "const { test, describe, it, before, after, afterEach } = require('node:test');\n";
const GOOD = `${NODE}test('good', () => {});`;
const UNIT = 'import unittest\nclass T(unittest.TestCase):\n';

type Expected = Partial<{
  outcome: string;
  /** Total, passed, failed, skipped. */
  counts: [number, number, number, number];
  failing: string[];
  last: string | null;
}>;

const rows: [Framework, string, Files, Expected, Files?][] = [
  // Runs that end by themselves.
  [
    'pytest',
    'a data file',
    {
      'tests/data.json': '4',
      'tests/test_x.py':
        "import json, pathlib\ndef test_a(): assert json.loads((pathlib.Path(__file__).parent / 'data.json').read_text()) == 4\n",
    },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
  ],
  [
    'pytest',
    'a package',
    { 'tests/__init__.py': '', 'tests/conftest.py': '', 'tests/test_x.py': 'def test_a(): pass\n' },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
  ],
  [
    'pytest',
    'a helper beside the tests',
    { 'helper.py': 'def test_not(): assert 0', 'test_x.py': 'import helper\ndef test_a(): pass\n' },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
  ],
  [
    'pytest',
    'files of other names alone',
    { 'checks.py': 'def test_a(): pass\n' },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
  ],
  [
    'pytest',
    'names of the program’s own settings',
    {
      'pytest.ini': '[pytest]\npython_files = check_*.py\n',
      'check_x.py': 'def test_a(): pass\n',
      'test_y.py': 'def test_b(): assert 0',
    },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
  ],
  ['pytest', 'data alone', { 'data.json': '4' }, { outcome: 'no_tests', counts: [0, 0, 0, 0] }],
  [
    'pytest',
    '500 parameters',
    {
      'test_a.py': "import pytest\n@pytest.mark.parametrize('i', range(500))\ndef test_i(i): assert i >= 0\n",
    },
    { outcome: 'passed', counts: [500, 500, 0, 0] },
  ],
  [
    'pytest',
    'a failure among 2,000',
    {
      'test_a.py':
        "import pytest\n@pytest.mark.parametrize('i', range(2000))\ndef test_i(i): assert i != 1000, 'x' * 3000\n",
    },
    { outcome: 'tests_failed', counts: [2000, 1999, 1, 0], failing: ['test_a.py::test_i[1000]'] },
  ],
  [
    'pytest',
    'a teardown that fails',
    {
      'test_a.py':
        "import pytest\n@pytest.fixture\ndef r():\n    yield 1\n    raise RuntimeError('leak')\ndef test_a(r): assert r == 1\ndef test_b(): pass\n",
    },
    { outcome: 'tests_failed', counts: [2, 1, 1, 0], failing: ['test_a.py::test_a'] },
  ],
  [
    'pytest',
    'a module that skips itself',
    {
      'test_a.py': "import pytest\npytest.importorskip('nothing_of_this_name')\ndef test_a(): assert 0\n",
      'test_b.py': 'def test_b(): pass\n',
    },
    { outcome: 'passed', counts: [2, 1, 0, 1] },
  ],
  [
    'pytest',
    'a module that fails to load',
    { 'test_a.py': 'import nothing_of_this_name', 'test_b.py': 'def test_b(): pass\n' },
    { outcome: 'tests_failed', counts: [2, 0, 1, 0], failing: ['test_a.py'] },
  ],
  [
    'pytest',
    'an expected failure and an unexpected pass',
    {
      'test_a.py':
        'import pytest\n@pytest.mark.xfail\ndef test_a(): assert 0\n@pytest.mark.xfail(strict=True)\ndef test_b(): pass\n',
    },
    { outcome: 'tests_failed', counts: [2, 0, 1, 1], failing: ['test_a.py::test_b'] },
  ],
  [
    'pytest',
    'a tear-down that fails of a test that is expected to',
    {
      'test_a.py':
        'import pytest\n@pytest.fixture\ndef r():\n    yield 1\n    assert 0\n@pytest.mark.xfail\ndef test_a(r): pass\ndef test_b(): pass\n',
    },
    { outcome: 'passed', counts: [2, 1, 0, 1] },
  ],
  [
    'pytest',
    'a SystemExit in a test',
    { 'test_a.py': 'def test_a(): raise SystemExit(0)\ndef test_b(): pass' },
    { outcome: 'tests_failed', counts: [2, 1, 1, 0] },
  ],
  [
    'pytest',
    'a process that a test forks and that goes on',
    {
      'test_a.py':
        'import os\ndef test_a():\n    if os.fork() == 0: raise SystemExit(0)\n    os.wait()\ndef test_b(): pass',
    },
    { outcome: 'passed', counts: [2, 2, 0, 0] },
  ],
  [
    'pytest',
    'the first failure of those that stop at it',
    { 'pytest.ini': '[pytest]\naddopts = -x\n', 'test_a.py': 'def test_a(): assert 0\ndef test_b(): pass' },
    { outcome: 'tests_failed', counts: [2, 0, 1, 0] },
  ],
  [
    'pytest',
    'an exit code that an exit handler makes',
    { 'test_a.py': 'import atexit, os\natexit.register(os._exit, 3)\ndef test_a(): pass' },
    { outcome: 'tests_failed', counts: [1, 1, 0, 0] },
  ],
  [
    'unittest',
    'a module of the program named as one of ours',
    {
      'test_a.py': `import reporting, check, install, languages\n${UNIT}    def test_a(self): self.assertEqual(reporting.build(), 'mine')\n`,
    },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
    { 'reporting.py': "def build(): return 'mine'", 'check.py': '', 'install.py': '', 'languages.py': '' },
  ],
  [
    'pytest',
    'a module of the program named as one of ours',
    { 'test_a.py': "import reporting, run_pytest\ndef test_a(): assert reporting.build() == 'mine'" },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
    { 'reporting.py': "def build(): return 'mine'", 'run_pytest.py': '' },
  ],
  [
    'unittest',
    'a module of the program named as one that json is',
    { 'test_a.py': `import json, fnmatch\n${UNIT}    def test_a(self): self.assertEqual(json.mine, 1)\n` },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
    { 'json.py': 'mine = 1' },
  ],
  [
    'unittest',
    'set-up of a class that fails',
    {
      'test_a.py': `${UNIT}    @classmethod\n    def setUpClass(cls): raise RuntimeError('no')\n    def test_a(self): pass\n`,
    },
    { outcome: 'tests_failed', failing: ['setUpClass (test_a.T)'] },
  ],
  [
    'unittest',
    'set-up of a module that fails',
    { 'test_a.py': `${UNIT}    def test_a(self): pass\ndef setUpModule(): raise RuntimeError('no')\n` },
    { outcome: 'tests_failed', failing: ['setUpModule (test_a)'] },
  ],
  [
    'unittest',
    'set-up of a class that skips it',
    {
      'test_a.py': `${UNIT}    @classmethod\n    def setUpClass(cls): raise unittest.SkipTest('no')\n    def test_a(self): pass\n    def test_b(self): pass\n`,
      'test_b.py': `${UNIT}    def test_b(self): pass\n`,
    },
    { outcome: 'passed', counts: [2, 1, 0, 1] },
  ],
  [
    'unittest',
    'tear-downs that fail, of a test and of a class',
    {
      'test_a.py': `${UNIT}    def tearDown(self): raise RuntimeError('no')\n    @classmethod\n    def tearDownClass(cls): raise RuntimeError('no')\n    def test_a(self): self.fail()\n`,
    },
    {
      outcome: 'tests_failed',
      counts: [2, 0, 2, 0],
      failing: ['test_a.T.test_a', 'tearDownClass (test_a.T)'],
    },
  ],
  [
    'unittest',
    'subtests that fail',
    {
      'test_a.py': `${UNIT}    def test_a(self):\n        for i in range(3):\n            with self.subTest(i=i): self.assertEqual(i, 1)\n    def test_b(self): pass\n`,
    },
    { outcome: 'tests_failed', counts: [2, 1, 1, 0], failing: ['test_a.T.test_a'] },
  ],
  [
    'unittest',
    'skips, expected failures and unexpected passes',
    {
      'test_a.py': `${UNIT}    @unittest.skip('x')\n    def test_a(self): self.fail()\n    @unittest.expectedFailure\n    def test_b(self): self.fail()\n    @unittest.expectedFailure\n    def test_c(self): pass\n`,
    },
    { outcome: 'tests_failed', counts: [3, 1, 1, 1], failing: ['test_a.T.test_c'] },
  ],
  [
    'unittest',
    'a module that fails to load, and data beside it',
    {
      'data.json': '',
      'test_a.py': 'raise SystemExit(0)',
      'test_b.py': `${UNIT}    def test_b(self): pass\n`,
    },
    { outcome: 'tests_failed', counts: [2, 1, 1, 0], failing: ['test_a.py'] },
  ],
  [
    'unittest',
    'a package',
    { 'tests/__init__.py': '', 'tests/test_x.py': `${UNIT}    def test_b(self): pass\n` },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
  ],
  [
    'test',
    'a file that fails to load',
    { 'a.test.js': GOOD, 'b.test.js': "require('./missing-module');" },
    { outcome: 'tests_failed', counts: [2, 1, 1, 0], failing: ['b.test.js'] },
  ],
  [
    'test',
    'a file that cannot be parsed',
    { 'a.test.js': GOOD, 'b.test.mjs': 'const x = ;' },
    { outcome: 'tests_failed', counts: [2, 1, 1, 0], failing: ['b.test.mjs'] },
  ],
  [
    'test',
    'hooks that fail after a suite and after all',
    {
      'a.test.js': `${NODE}describe('s', () => { after(() => { throw new Error('leak') }); it('a', () => {}) });`,
      'b.test.js': `${NODE}after(() => { throw new Error('leak') }); test('b', () => {});`,
    },
    { outcome: 'tests_failed', counts: [4, 2, 2, 0], failing: ['s', 'b.test.js'] },
  ],
  [
    'test',
    'a hook that fails after each test',
    { 'a.test.js': `${NODE}afterEach(() => { throw new Error('leak') }); test('a', () => {});` },
    { outcome: 'tests_failed', counts: [1, 0, 1, 0], failing: ['a'] },
  ],
  [
    'test',
    'todo tests, which may fail',
    {
      'a.test.js': `${NODE}test('x', () => {}); test('t', { todo: 'later' }, () => { throw new Error('no') }); test.skip('s'); describe('u', { todo: true }, () => { it('v', { todo: true }, () => { throw new Error('no') }) });`,
    },
    { outcome: 'passed', counts: [4, 1, 0, 3] },
  ],
  [
    'test',
    'a timer that throws after its test',
    { 'a.test.js': `${NODE}test('x', () => { setTimeout(() => { throw new Error('late') }, 10) });` },
    { outcome: 'tests_failed', counts: [2, 1, 1, 0], failing: ['a.test.js'] },
  ],
  [
    'test',
    'a rejection that nobody handles',
    { 'a.test.js': `${NODE}test('x', () => { Promise.reject(new Error('no')) });` },
    { outcome: 'tests_failed', failing: ['a.test.js'] },
  ],
  [
    'test',
    'subtests and suites',
    {
      'a.test.js': `${NODE}describe('s', () => it('inner', () => { throw new Error('no') })); test('t', async (t) => { await t.test('sub', () => {}) });`,
    },
    { outcome: 'tests_failed', counts: [3, 2, 1, 0], failing: ['inner'] },
  ],
  [
    'test',
    'a data file and a module',
    { 'data.json': '{}', 'helper.js': "throw new Error('not loaded')", 'a.test.js': GOOD },
    { outcome: 'passed', counts: [1, 1, 0, 0] },
  ],
  ['test', 'files without tests', { 'a.test.js': '' }, { outcome: 'no_tests', counts: [0, 0, 0, 0] }],
  [
    'test',
    '500 tests of which one fails',
    {
      'a.test.js': `${NODE}for (let i = 0; i < 500; i++) test('t' + i, () => { if (i === 250) throw new Error('no') });`,
    },
    { outcome: 'tests_failed', counts: [500, 499, 1, 0], failing: ['t250'] },
  ],
  [
    'test',
    'processes and threads that a test starts',
    {
      'a.test.js': `${NODE}const { fork } = require('node:child_process'); const { Worker } = require('node:worker_threads');
test('a', (t, done) => { fork('./child.js').on('exit', (code) => done(code === 4 ? undefined : new Error(code))) });
test('b', (t, done) => { new Worker('./child.js').on('exit', (code) => done(code === 4 ? undefined : new Error(code))) });`,
    },
    { outcome: 'passed', counts: [2, 2, 0, 0] },
    { 'child.js': 'process.exit(process.execArgv.join().includes("hook") ? 5 : 4)' },
  ],
  // Runs that a test ends early.
  [
    'pytest',
    'os._exit(0) in a test',
    { 'test_a.py': THREE },
    {
      outcome: 'runner_ended_early',
      counts: [3, 1, 1, 0],
      failing: ['test_a.py::test_2'],
      last: 'test_a.py::test_2',
    },
    { 'main.py': MAIN },
  ],
  [
    'pytest',
    'os._exit(0) in a module that is loaded',
    { 'test_a.py': 'import os; os._exit(0)' },
    { outcome: 'runner_ended_early', failing: ['test_a.py'], last: 'test_a.py' },
  ],
  [
    'pytest',
    'pytest.exit with code 0',
    {
      'test_a.py':
        'import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit("bye", returncode=0)\ndef test_c(): pass',
    },
    { outcome: 'runner_ended_early', counts: [3, 1, 0, 0] },
  ],
  [
    'pytest',
    'a signal',
    { 'test_a.py': 'import os\ndef test_a(): os.kill(os.getpid(), 9)' },
    { outcome: 'runner_ended_early', last: 'test_a.py::test_a' },
  ],
  [
    'pytest',
    'os._exit(0) after the last test',
    {
      'conftest.py': 'import os\ndef pytest_sessionfinish(): os._exit(0)',
      'test_a.py': 'def test_a(): pass',
    },
    { outcome: 'runner_ended_early', counts: [1, 1, 0, 0], last: 'test_a.py::test_a' },
  ],
  [
    'unittest',
    'os._exit(0) in a test',
    { 'test_a.py': `from main import f\n${UNIT}    def test_1(self): f(1)\n    def test_2(self): f(2)\n` },
    { outcome: 'runner_ended_early', counts: [2, 1, 1, 0], last: 'test_a.T.test_2' },
    { 'main.py': MAIN },
  ],
  [
    'unittest',
    'a KeyboardInterrupt',
    { 'test_a.py': `${UNIT}    def test_1(self): raise KeyboardInterrupt\n` },
    { outcome: 'runner_ended_early', last: 'test_a.T.test_1' },
  ],
  [
    'test',
    'process.exit(0) in a test',
    {
      'a.test.js': `${NODE}test('1', () => {}); test('2', () => process.exit(0)); test('3', () => {});`,
      'b.test.js': GOOD,
    },
    { outcome: 'runner_ended_early', failing: ['a.test.js'], last: '2' },
  ],
  [
    'test',
    'process.exit(0) in a file that is loaded',
    { 'a.test.js': 'process.exit(0)', 'b.test.js': GOOD },
    { outcome: 'runner_ended_early', counts: [2, 1, 1, 0], last: 'a.test.js' },
  ],
  [
    'test',
    'process.exit(3) while a test waits',
    {
      'a.test.js': `${NODE}setTimeout(() => process.exit(3), 20); describe('s', () => it('w', (t, done) => setTimeout(done, 1000)));`,
    },
    { outcome: 'runner_ended_early', failing: ['a.test.js'], last: 's > w' },
  ],
  [
    'test',
    'a signal',
    { 'a.test.js': `${NODE}test('k', () => process.kill(process.pid, 'SIGKILL'));` },
    { outcome: 'runner_ended_early', last: 'k' },
  ],
];

describe.each(['pytest', 'unittest', 'test'] as const)('%s', (framework) => {
  for (const [, title, files, expected, own] of rows.filter(([name]) => name === framework))
    on(framework)(
      `${title}: ${expected.outcome}`,
      async () => {
        const verdict = await verdictOf(framework, files, own);
        const { total, passed, failed, skipped } = verdict.counts ?? {
          total: 0,
          passed: 0,
          failed: 0,
          skipped: 0,
        };
        const failing = verdict.tests.filter(({ outcome }) => outcome === 'failed' || outcome === 'error');
        expect({
          outcome: verdict.outcome,
          ...(expected.counts && { counts: [total, passed, failed, skipped] }),
          ...(expected.failing && { failing: failing.map(({ name }) => name) }),
          ...(expected.last !== undefined && { last: verdict.lastBegun }),
        }).toEqual(expected);
        expect(verdict.tests.length).toBeLessThanOrEqual(200);
        expect(verdict.tests.slice(0, failing.length)).toEqual(failing);
      },
      120_000,
    );
});

test('of a file that fails to load, the message has what it printed', async () => {
  const { tests } = await verdictOf('test', { 'a.test.js': "require('./missing-module');" });
  expect(tests[0]?.message).toMatch(
    /The file ended with exit code \d\.\n[^]*Cannot find module '.\/missing-module'/,
  );
});
