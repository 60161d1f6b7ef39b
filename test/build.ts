import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { buildPage, bundleWorkflows } from '../local-stack/build';

const CHECKOUT = resolve(__dirname, '..');

/** The workflow code, bundled ahead, for the processes of tests. */
const BUNDLE_VARIABLE = 'ORCHESTRATION_TEST_BUNDLE';

/**
 * Builds the page and bundles the workflows, if they changed, so that a process of a test starts in a second.
 * @returns environment variables for tests
 */
export async function buildPlatform(): Promise<Record<string, string>> {
  const [bundle] = await Promise.all([bundleWorkflows(CHECKOUT), buildPage(CHECKOUT)]);
  return { [BUNDLE_VARIABLE]: bundle };
}

/** How to start an entry file of this project. */
export function nodeProcess(entry: string): { args: string[]; environment: Record<string, string> } {
  const bundle = process.env[BUNDLE_VARIABLE];
  return { args: [compiledFile(entry)], environment: bundle ? { WORKFLOW_BUNDLE: bundle } : {} };
}

/** The compiled form of a source file. `npm` scripts have compiled all of them; Jest alone has not. */
export function compiledFile(source: string): string {
  process.env.ORCHESTRATION_COMPILED ??= execFileSync(process.execPath, [join(CHECKOUT, 'compile.mjs')], {
    encoding: 'utf8',
  }).trim();
  return join(process.env.ORCHESTRATION_COMPILED, source.replace(/\.ts$/, '.js'));
}
