import { execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** compile.mjs in a small checkout, and the command line that it compiles at its first use. */

const ROOT = resolve(__dirname, '..');
let checkout: string;
let cache: string;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'compile-'));
  cache = join(checkout, 'node_modules', '.cache', 'orchestration-app');
  mkdirSync(join(checkout, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules', 'esbuild'), join(checkout, 'node_modules', 'esbuild'));
  for (const file of ['compile.mjs', 'package.json', 'package-lock.json'])
    copyFileSync(join(ROOT, file), join(checkout, file));
  write('node_modules/@kubernetes/client-node/index.js', "exports.name = require('./name').name;\n");
  write('node_modules/@kubernetes/client-node/name.js', "exports.name = 'client';\n");
  write('tsconfig.json', '{"include": ["app"]}');
  write('app/main.ts', "import { text } from './text';\nconsole.log(text as string);\n");
  write('app/text.ts', "export const text: string = 'first';\n");
});

afterEach(() => rmSync(checkout, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(checkout, file)), { recursive: true });
  writeFileSync(join(checkout, file), text);
}

async function node(...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, TMPDIR: checkout };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: checkout, env });
  return stdout.trim();
}

const compile = () => node('compile.mjs');
const run = async (file = 'app/main.js') => node(join(await compile(), file));

test('what did not change is not compiled again, and what changed is noticed', async () => {
  const folder = await compile();
  expect(await run()).toBe('first');
  expect(await compile()).toBe(folder);

  write('app/text.ts', "export const text = 'second';\n");
  expect(await run()).toBe('second');
  expect(await node(join(folder, 'app/main.js'))).toBe('first');

  rmSync(join(checkout, 'app/text.ts'));
  write('app/text/index.ts', "export const text = 'moved';\n");
  expect(await run()).toBe('moved');

  rmSync(cache, { recursive: true });
  expect(await run()).toBe('moved');
});

test('starts at the same time find the same complete result, and leave nothing else', async () => {
  for (let index = 0; index < 200; index++) write(`app/more/${index}.ts`, `export const n = ${index};\n`);
  write('app/main.ts', Array.from({ length: 200 }, (_, index) => `import './more/${index}';\n`).join(''));
  const folders = await Promise.all(Array.from({ length: 4 }, compile));
  expect(new Set(folders).size).toBe(1);
  await node(join(folders[0]!, 'app/main.js'));
  expect(readdirSync(cache).map((name) => name.split('-')[0])).toEqual(['compiled', 'package']);
});

test('code finds the files beside its source, also in a checkout that was moved', async () => {
  write('app/main.ts', 'console.log(__dirname, __filename, require.resolve("./text"));\n');
  write('app/text.ts', '');
  const folder = await compile();
  expect(await run()).toBe(`${checkout}/app ${checkout}/app/main.js ${folder}/app/text.js`);
  const moved = `${checkout}-moved`;
  cpSync(checkout, moved, { recursive: true, verbatimSymlinks: true });
  [checkout, cache] = [moved, cache.replace(checkout, moved)];
  rmSync(moved.replace(/-moved$/, ''), { recursive: true });
  expect(await run()).toContain(`${moved}/app `);
});

test('the client of the cluster is loaded as one file', async () => {
  write(
    'app/main.ts',
    `import { name } from '@kubernetes/client-node';
    console.log(name, Object.keys(require.cache).length);`,
  );
  expect(await run()).toBe('client 2');
});

test('a file with an error fails where it is loaded, with its place', async () => {
  write('app/broken.ts', '\nconst n = = 1;\n');
  write('app/other.ts', "import './broken';\n");
  expect(await run()).toBe('first');
  await expect(run('app/other.js')).rejects.toThrow('SyntaxError: app/broken.ts:2:10: Unexpected "="');
  write('app/broken.ts', 'console.log("repaired");\n');
  expect(await run('app/other.js')).toBe('repaired');
});

test('old results go when another is made, except those that a process was started from', async () => {
  write('app/main.ts', "console.log('ready');\nsetInterval(() => {}, 1000);\n");
  const used = await compile();
  const child = execFile(process.execPath, [join(used, 'app/main.js')]);
  await new Promise((ready) => child.stdout!.once('data', ready));
  const change = (text: string) => {
    write('app/text.ts', text);
    return compile();
  };
  const old = await change('1;');
  const young = await change('2;');
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const folder of [used, old]) utimesSync(folder, longAgo, longAgo);
  const last = await change('3;');
  expect([used, old, young, last].map((folder) => existsSync(folder))).toEqual([true, false, true, true]);
  child.kill('SIGKILL');
});

describe('the command line', () => {
  const cli = (...args: string[]) => node('client/cli/orchestration-app.mjs', ...args);

  beforeEach(() => cpSync(join(ROOT, 'client'), join(checkout, 'client'), { recursive: true }));

  test('is one file, which is made at its first use and when a source changes', async () => {
    expect(await cli('--help')).toContain('Usage: orchestration-app');
    expect(await cli('--version')).toMatch(/^\d+\.\d+\.\d+$/);
    const [folder, ...others] = readdirSync(cache);
    expect([readdirSync(join(cache, folder!)), others]).toEqual([
      ['orchestration-app.js', 'orchestration-app.js.map'],
      [],
    ]);
    write('client/cli/arguments.ts', "throw new Error('changed');\n");
    await expect(cli('--help')).rejects.toThrow('changed');
  });

  test('runs where the checkout cannot be written', async () => {
    write('node_modules/.cache', 'no folder');
    expect(await cli('--help')).toContain('Usage: orchestration-app');
    expect(readdirSync(checkout).filter((name) => name.startsWith('orchestration-app-'))).toEqual([]);
  });

  test('loads only what Node itself contains', async () => {
    const list = 'process.on("exit", () => console.log(JSON.stringify(Object.keys(require.cache))))';
    write('list.cjs', list);
    await cli('--help');
    const loaded = (await node('--require', './list.cjs', 'client/cli/orchestration-app.mjs', '--help'))
      .split('\n')
      .at(-1)!;
    expect(JSON.parse(loaded)).toEqual([
      join(checkout, 'list.cjs'),
      expect.stringMatching(/\/client-\w+\/orchestration-app\.js$/),
    ]);
  });
});
