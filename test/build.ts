import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { runCommand } from '../local-stack/machine/command';

const CHECKOUT = resolve(__dirname, '..');
const BUILT = join(CHECKOUT, 'dist');

/**
 * The workflow code, bundled ahead; other kinds of bundle are beside it (worker/bundle.ts). Not in `dist` itself, where
 * the next bundling would take it for the module `workflows`.
 */
const BUNDLE = join(BUILT, 'bundles', 'workflows.js');

/** Set for processes that may use what `buildPlatform` made. */
const BUILT_VARIABLE = 'ORCHESTRATION_TEST_BUILD';

/**
 * Compiles worker, gateway and page, and bundles the workflows, as their images do: each process of a test then starts
 * in a second instead of compiling all of it again. Work that was done before is not repeated.
 * @returns environment for the processes of tests
 */
export async function buildPlatform(): Promise<Record<string, string>> {
  const compile = [
    '--project',
    'tsconfig.build.json',
    '--noCheck',
    '--declaration',
    'false',
    '--incremental',
  ];
  const options = { cwd: CHECKOUT };
  await runCommand(join(CHECKOUT, 'node_modules', '.bin', 'tsc'), compile, options);
  await runCommand(process.execPath, [join('gateway', 'web', 'build.mjs')], options);
  for (const folder of ['sandbox/languages', 'infrastructure/kibana'])
    await cp(join(CHECKOUT, folder), join(BUILT, folder), {
      recursive: true,
      filter: (source) => !/\.[^./]+$/.test(source) || /\.(nd)?json$/.test(source),
    });
  await bundleWorkflows();
  return { [BUILT_VARIABLE]: BUILT };
}

async function bundleWorkflows(): Promise<void> {
  const note = `${BUNDLE}.inputs`;
  const digest = await digestOf(['workflows', 'worker'].map((folder) => join(BUILT, folder)));
  if (existsSync(note) && (await readFile(note, 'utf8')) === digest) return;
  await mkdir(dirname(BUNDLE), { recursive: true });
  await runCommand(process.execPath, [join(BUILT, 'worker', 'bundleAhead.js'), BUNDLE], { cwd: CHECKOUT });
  await writeFile(note, digest);
}

async function digestOf(folders: string[]): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(CHECKOUT, 'package-lock.json')));
  for (const folder of folders)
    for (const name of (await readdir(folder, { recursive: true })).sort())
      if (name.endsWith('.js')) hash.update(`${name}\0`).update(await readFile(join(folder, name)));
  return hash.digest('hex');
}

/** How an entry file of this project is started: compiled when it was built, else from its source. */
export function nodeProcess(entry: string): { args: string[]; environment: Record<string, string> } {
  const built = process.env[BUILT_VARIABLE];
  const compiled = built && join(built, entry.replace(/\.ts$/, '.js'));
  return compiled && existsSync(compiled)
    ? { args: [compiled], environment: { WORKFLOW_BUNDLE: BUNDLE } }
    : { args: ['--import', 'tsx', entry], environment: {} };
}
