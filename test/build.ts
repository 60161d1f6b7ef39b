import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { runCommand } from '../local-stack/machine/command';

const CHECKOUT = resolve(__dirname, '..');
const BUILT = join(CHECKOUT, 'dist');

/**
 * The workflow code, bundled ahead; the other kinds of bundle are in the same folder (worker/bundle.ts). It
 * is not directly in `dist`, because the next bundling would mistake it there for the module `workflows`.
 */
const BUNDLE = join(BUILT, 'bundles', 'workflows.js');

/** Set for processes that may use the output of `buildPlatform`. */
const BUILT_VARIABLE = 'ORCHESTRATION_TEST_BUILD';

/**
 * Compiles worker, gateway and page, and bundles the workflows, as the images do. Each process of a test then
 * starts in a second instead of compiling everything again. Repeated calls only do what changed.
 * @returns environment variables for the processes of tests
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

/** How to start an entry file of this project: the compiled file if it was built, else its source. */
export function nodeProcess(entry: string): { args: string[]; environment: Record<string, string> } {
  const built = process.env[BUILT_VARIABLE];
  const compiled = built && join(built, entry.replace(/\.ts$/, '.js'));
  return compiled && existsSync(compiled)
    ? { args: [compiled], environment: { WORKFLOW_BUNDLE: BUNDLE } }
    : { args: ['--import', 'tsx', entry], environment: {} };
}
