import { writeFile } from 'node:fs/promises';
import { DefaultLogger } from '@temporalio/worker';
import { runCommandLine, UsageError } from '../infrastructure/commandLine';
import { BUNDLE_KINDS, bundlePath, bundleWorkflows } from './bundle';

/**
 * Bundles the workflow code into a file for WORKFLOW_BUNDLE, and the other kinds of bundle into files next to
 * it. With these, a worker starts without a compiler.
 */
async function main([file]: string[]): Promise<object> {
  if (!file) throw new UsageError('Usage: node worker/bundleAhead.js FILE');
  const bytes: Record<string, number> = {};
  for (const kind of BUNDLE_KINDS) {
    const path = bundlePath(file, kind);
    const { code } = await bundleWorkflows({ ...kind, logger: new DefaultLogger('WARN') });
    await writeFile(path, code);
    bytes[path] = Buffer.byteLength(code);
  }
  return { bytes };
}

runCommandLine(main);
