import { join } from 'node:path';
import { runCommand } from './machine/command';

/** Builds the page into dist/web, if it changed. */
export async function buildPage(checkout: string): Promise<void> {
  await runCommand(process.execPath, [join(checkout, 'gateway', 'web', 'build.mjs')]);
}

/** Bundles the workflows, if they changed, in about 5 s. @returns the file for WORKFLOW_BUNDLE */
export async function bundleWorkflows(checkout: string): Promise<string> {
  return (await runCommand(process.execPath, [join(checkout, 'compile.mjs'), 'workflows'])).trim();
}
