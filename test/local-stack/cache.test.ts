import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { obtain, type Recipe } from '../../local-stack/artifacts/cache';
import { keyOfInputs } from '../../local-stack/artifacts/checksum';
import { Progress } from '../../local-stack/machine/progress';

const silent = new Progress({ write: () => true, isTTY: false, columns: 80 });
let directory: string;
let made: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cache-'));
  made = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

const recipe = (key: string): Recipe => ({
  title: 'a program',
  name: 'program',
  key,
  make: async (into) => {
    made += 1;
    await writeFile(join(into, 'program'), `content for ${key}`);
  },
});

test('makes an artifact once and finds it the next time', async () => {
  const first = await obtain(recipe('a'), directory, silent);
  const second = await obtain(recipe('a'), directory, silent);
  expect(second).toBe(first);
  expect(readFileSync(join(first, 'program'), 'utf8')).toBe('content for a');
  expect(made).toBe(1);
});

test('makes another artifact for another key', async () => {
  await obtain(recipe('a'), directory, silent);
  await obtain(recipe('b'), directory, silent);
  expect(made).toBe(2);
});

test('a version that nobody asked for in a month goes when another is made', async () => {
  const old = await obtain(recipe('a'), directory, silent);
  const used = await obtain(recipe('b'), directory, silent);
  const longAgo = new Date(Date.now() - 31 * 24 * 3_600_000);
  for (const version of [old, used]) utimesSync(join(version, 'checksums.json'), longAgo, longAgo);
  await obtain(recipe('b'), directory, silent);
  await obtain(recipe('c'), directory, silent);
  expect(readdirSync(join(directory, 'program')).sort()).toEqual(['b', 'c']);
});

test('makes an artifact again when a byte of it changed or a file is gone', async () => {
  const made1 = await obtain(recipe('a'), directory, silent);
  writeFileSync(join(made1, 'program'), 'content for A');
  const made2 = await obtain(recipe('a'), directory, silent);
  expect(readFileSync(join(made2, 'program'), 'utf8')).toBe('content for a');
  rmSync(join(made2, 'program'));
  await obtain(recipe('a'), directory, silent);
  expect(made).toBe(3);
});

test('two starts at the same moment make it once', async () => {
  await Promise.all([obtain(recipe('a'), directory, silent), obtain(recipe('a'), directory, silent)]);
  expect(made).toBe(1);
});

test('leaves nothing behind when making it fails', async () => {
  const failing = { ...recipe('a'), make: () => Promise.reject(new Error('disk full')) };
  await expect(obtain(failing, directory, silent)).rejects.toThrow('disk full');
  expect(readdirSync(join(directory, 'program'))).toEqual([]);
});

test('what a crash left unfinished does not count', async () => {
  mkdirSync(join(directory, 'program', 'a.unfinished'), { recursive: true });
  writeFileSync(join(directory, 'program', 'a.unfinished', 'half'), 'half');
  const folder = await obtain(recipe('a'), directory, silent);
  expect(existsSync(join(folder, 'half'))).toBe(false);
});

describe('the key of inputs', () => {
  const file = (name: string, content: string) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return { name, path };
  };

  test('is the same for the same inputs and differs by text, file name and content', async () => {
    const keys = await Promise.all([
      keyOfInputs(['x'], [file('go.mod', 'module a')]),
      keyOfInputs(['y'], [file('go.mod', 'module a')]),
      keyOfInputs(['x'], [{ ...file('go.mod', 'module a'), name: 'go.sum' }]),
    ]);
    const changed = await keyOfInputs(['x'], [file('go.mod', 'module b')]);
    expect(new Set([...keys, changed]).size).toBe(4);
    expect(await keyOfInputs(['x'], [file('go.mod', 'module a')])).toBe(keys[0]);
  });

  test('tells where one input ends and the next begins', async () => {
    expect(await keyOfInputs(['ab', 'c'])).not.toBe(await keyOfInputs(['a', 'bc']));
  });
});
