import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { excludedLine, readProgram } from '../../../client/cli/files';
import { UsageError } from '../../../client/cli/exitCodes';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-files-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function put(files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

test('of a folder the text of a program is read, and what is left out is named', () => {
  put({
    'main.py': 'import lib.words',
    'lib/words.py': 'hello = "Hello"',
    'venv/pyvenv.cfg': 'home = /usr/bin',
    'venv/lib/python3/site-packages/x.py': 'pass',
    'tools/env-of-mine/pyvenv.cfg': 'home = /usr/bin',
    '.venv/lib/x.py': 'pass',
    '.git/config': '[core]',
    '.env': 'SECRET=1',
    'node_modules/x/index.js': '',
    'lib/__pycache__/words.cpython-313.pyc': Buffer.from([0xa7, 0x0d, 0xff]),
    'logo.png': Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]),
    'zeros.bin': Buffer.alloc(8),
  });
  symlinkSync('/etc/hostname', join(folder, 'link'));
  const { files, excluded } = readProgram(folder);
  expect(files).toEqual({ 'main.py': 'import lib.words', 'lib/words.py': 'hello = "Hello"' });
  expect(excluded.sort()).toEqual([
    '.env',
    '.git/',
    '.venv/',
    'lib/__pycache__/',
    'link (not a regular file)',
    'logo.png (not text)',
    'node_modules/',
    'tools/env-of-mine/ (a virtual environment)',
    'venv/ (a virtual environment)',
    'zeros.bin (not text)',
  ]);
});

test('a folder called venv that is none is part of the program', () => {
  put({ 'main.py': 'pass', 'venv/rooms.py': 'pass' });
  expect(readProgram(folder)).toEqual({
    files: { 'main.py': 'pass', 'venv/rooms.py': 'pass' },
    excluded: [],
  });
});

test('a folder without a program says what it left out', () => {
  put({ '.git/config': '[core]' });
  expect(() => readProgram(folder)).toThrow(UsageError);
  expect(() => readProgram(folder)).toThrow(/holds no files to submit. Left out: .git\/\.$/);
});

test('one file that is not text is refused by its name', () => {
  put({ 'logo.png': Buffer.from([0x89, 0xff]) });
  expect(() => readProgram(join(folder, 'logo.png'))).toThrow(/logo.png is not text in UTF-8/);
});

test('a long list of what is left out is cut', () => {
  const names = Array.from({ length: 12 }, (_, index) => `${index}.png`);
  expect(excludedLine(names)).toMatch(/9.png and 2 more\.$/);
});
