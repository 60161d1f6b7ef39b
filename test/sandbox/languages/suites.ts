import type { Random } from '../../chaos/random';
import type { Files, Framework } from './runners';

/** Small suites of tests, generated from parts that frameworks treat differently. */

/** @param only whether every test passes or is skipped, as far as the parts allow */
export function suiteOf(framework: Framework, random: Random, name: string, only: 'good' | 'any'): Files {
  const parts = PARTS[framework].filter(({ good }) => good || only === 'any');
  const chosen = Array.from({ length: random.between(1, 6) }, (_, index) => {
    return random
      .pick(parts)
      .text.replaceAll('NAME', `n${index}`)
      .replaceAll('COUNT', `${random.between(1, 4)}`);
  });
  const { head, extension, whole } = FORMS[framework];
  const text = random.chance(0.15) && only === 'any' ? random.pick(whole) : chosen.join('\n');
  return { [`${name}${extension}`]: `${head}\n${text}\n` };
}

interface Part {
  text: string;
  /** Whether it passes, or is skipped. */
  good: boolean;
}

const good = (text: string): Part => ({ text, good: true });
const bad = (text: string): Part => ({ text, good: false });

const PARTS: Record<Framework, Part[]> = {
  pytest: [
    good('def test_NAME(): pass'),
    bad('def test_NAME(): assert 1 == 2'),
    bad('def test_NAME(): raise SystemExit(0)'),
    bad('def test_NAME(nothing_of_this_name): pass'),
    good("@pytest.mark.skip(reason='later')\ndef test_NAME(): assert 0"),
    good("def test_NAME(): pytest.skip('now')"),
    good("def test_NAME(): pytest.importorskip('nothing_of_this_name')"),
    good('@pytest.mark.xfail\ndef test_NAME(): assert 0'),
    good('@pytest.mark.xfail\ndef test_NAME(): pass'),
    bad('@pytest.mark.xfail(strict=True)\ndef test_NAME(): pass'),
    bad('@pytest.mark.xfail(raises=KeyError)\ndef test_NAME(): assert 0'),
    good("@pytest.mark.parametrize('i', range(COUNT))\ndef test_NAME(i): assert i >= 0"),
    bad("@pytest.mark.parametrize('i', range(COUNT))\ndef test_NAME(i): assert i == 1"),
    good("@pytest.mark.parametrize('i', [])\ndef test_NAME(i): assert 0"),
    good('class TestNAME:\n    def test_a(self): pass\n    def test_b(self): pass'),
    bad('class TestNAME:\n    def setup_method(self): assert 0\n    def test_a(self): pass'),
    bad(
      'class TestNAME:\n    def teardown_class(cls): assert 0\n    def test_a(self): pass\n    def test_b(self): pass',
    ),
    bad('@pytest.fixture\ndef NAME():\n    yield 1\n    assert 0\ndef test_NAME(NAME): pass'),
    bad('@pytest.fixture\ndef NAME():\n    yield 1\n    assert 0\ndef test_NAME(NAME): assert 0'),
    bad('@pytest.fixture\ndef NAME(): assert 0\ndef test_NAME(NAME): pass'),
    bad("@pytest.fixture(scope='module')\ndef NAME():\n    yield 1\n    assert 0\ndef test_NAME(NAME): pass"),
    good("@pytest.fixture\ndef NAME(): pytest.skip('no')\ndef test_NAME(NAME): assert 0"),
    good(
      'class NAME(unittest.TestCase):\n    def test_a(self): pass\n    @unittest.skip("x")\n    def test_b(self): pass',
    ),
    bad(
      'class NAME(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): raise KeyError\n    def test_a(self): pass\n    def test_b(self): pass',
    ),
    bad(
      'class NAME(unittest.TestCase):\n    @unittest.expectedFailure\n    def test_a(self): pass\n    @unittest.expectedFailure\n    def test_b(self): self.fail()',
    ),
    good(
      'class NAME(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): raise unittest.SkipTest("x")\n    def test_a(self): pass',
    ),
  ],
  unittest: [
    good('class NAME(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): pass'),
    bad(
      'class NAME(unittest.TestCase):\n    def test_a(self): self.fail()\n    def test_b(self): raise KeyError',
    ),
    bad(
      'class NAME(unittest.TestCase):\n    def test_a(self): raise SystemExit(0)\n    def test_b(self): pass',
    ),
    good(
      'class NAME(unittest.TestCase):\n    @unittest.skip("x")\n    def test_a(self): self.fail()\n    def test_b(self): self.skipTest("y")',
    ),
    good('@unittest.skip("x")\nclass NAME(unittest.TestCase):\n    def test_a(self): self.fail()'),
    good(
      'class NAME(unittest.TestCase):\n    def setUp(self): self.skipTest("x")\n    def test_a(self): self.fail()',
    ),
    good('class NAME(unittest.TestCase):\n    @unittest.expectedFailure\n    def test_a(self): self.fail()'),
    bad('class NAME(unittest.TestCase):\n    @unittest.expectedFailure\n    def test_a(self): pass'),
    bad('class NAME(unittest.TestCase):\n    def setUp(self): raise KeyError\n    def test_a(self): pass'),
    bad(
      'class NAME(unittest.TestCase):\n    def tearDown(self): raise KeyError\n    def test_a(self): pass\n    def test_b(self): self.fail()',
    ),
    bad('class NAME(unittest.TestCase):\n    def test_a(self): self.addCleanup(self.fail)'),
    bad(
      'class NAME(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): raise KeyError\n    def test_a(self): pass',
    ),
    good(
      'class NAME(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): raise unittest.SkipTest("x")\n    def test_a(self): pass',
    ),
    bad(
      'class NAME(unittest.TestCase):\n    @classmethod\n    def tearDownClass(cls): raise KeyError\n    def test_a(self): pass',
    ),
    good(
      'class NAME(unittest.TestCase):\n    def test_a(self):\n        for i in range(COUNT):\n            with self.subTest(i=i): pass',
    ),
    bad(
      'class NAME(unittest.TestCase):\n    def test_a(self):\n        for i in range(COUNT):\n            with self.subTest(i=i): self.assertEqual(i, 9)',
    ),
    good(
      'class NAME(unittest.TestCase):\n    def test_a(self):\n        for i in range(COUNT):\n            with self.subTest(i=i): self.skipTest("x")',
    ),
    good('class NAME(unittest.IsolatedAsyncioTestCase):\n    async def test_a(self): pass'),
    bad('class NAME(unittest.IsolatedAsyncioTestCase):\n    async def test_a(self): self.fail()'),
  ],
  test: [
    good("test('NAME', () => {});"),
    bad("test('NAME', () => { throw new Error('no') });"),
    bad("test('NAME', async () => { await null; assert.equal(1, 2) });"),
    bad("test('NAME', (t, done) => { setImmediate(done, new Error('no')) });"),
    good("test.skip('NAME', () => { throw new Error('no') });"),
    good("test('NAME', (t) => { t.skip('now') });"),
    good("test.todo('NAME');"),
    good("test('NAME', { todo: 'later' }, () => { throw new Error('no') });"),
    good(
      "test('NAME', async (t) => { await t.test('a', () => {}); await t.test('b', { skip: true }, () => {}) });",
    ),
    bad(
      "test('NAME', async (t) => { await t.test('a', () => {}); await t.test('b', () => { throw new Error('no') }) });",
    ),
    bad("test('NAME', { timeout: 20 }, () => new Promise((resolve) => { setTimeout(resolve, 300) }));"),
    bad("test('NAME', (t) => { t.plan(COUNT + 1); t.assert.ok(true) });"),
    good(
      "describe('NAME', () => { it('a', () => {}); describe('in', () => { it('b', () => {}); it.skip('c') }) });",
    ),
    bad(
      "describe('NAME', () => { it('a', () => {}); describe('in', () => { it('b', () => { throw new Error('no') }) }) });",
    ),
    good("describe.skip('NAME', () => { it('a', () => { throw new Error('no') }) });"),
    bad(
      "describe('NAME', () => { before(() => { throw new Error('no') }); it('a', () => {}); it('b', () => {}) });",
    ),
    bad("describe('NAME', () => { after(() => { throw new Error('no') }); it('a', () => {}) });"),
    bad("describe('NAME', () => { beforeEach(() => { throw new Error('no') }); it('a', () => {}) });"),
    bad(
      "describe('NAME', () => { afterEach(() => { throw new Error('no') }); it('a', () => {}); it('b', () => {}) });",
    ),
    bad("after(() => { throw new Error('no') });"),
    bad("test('NAME', () => { setTimeout(() => { throw new Error('late') }, 5) });"),
    bad("test('NAME', () => { Promise.reject(new Error('no')) });"),
    bad('process.exitCode = COUNT;'),
    good("console.log('printed'); console.error('printed');"),
  ],
};

const FORMS: Record<Framework, { head: string; extension: string; whole: string[] }> = {
  pytest: {
    head: 'import pytest, unittest',
    extension: '.py',
    whole: [
      "pytest.skip('all', allow_module_level=True)\ndef test_a(): assert 0",
      '',
      'def setup_module(): assert 0\ndef test_a(): pass',
    ],
  },
  unittest: {
    head: 'import unittest',
    extension: '.py',
    whole: [
      'raise unittest.SkipTest("all")',
      'raise KeyError("no")',
      'import nothing_of_this_name',
      'def f(:',
      '',
      'def setUpModule(): raise KeyError\nclass T(unittest.TestCase):\n    def test_a(self): pass',
      'def setUpModule(): raise unittest.SkipTest("x")\nclass T(unittest.TestCase):\n    def test_a(self): pass\nclass U(T): pass',
      'def tearDownModule(): raise KeyError\nclass T(unittest.TestCase):\n    def test_a(self): pass',
    ],
  },
  test: {
    head: "const { test, describe, it, before, after, beforeEach, afterEach } = require('node:test'); const assert = require('node:assert');",
    extension: '.test.js',
    whole: ["require('./missing');", 'const x = ;', "test('a', () => {}); throw new Error('no');"],
  },
};
