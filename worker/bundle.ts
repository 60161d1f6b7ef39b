import { writeFile } from 'node:fs/promises';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { runCommandLine, UsageError } from '../infrastructure/commandLine';
import { workflowsPath } from './worker';

/** Bundles the workflow code into a file, for WORKFLOW_BUNDLE: a worker that has it starts without a compiler. */
async function main([file]: string[]): Promise<object> {
  if (!file) throw new UsageError('Usage: node worker/bundle.js FILE');
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  await writeFile(file, code);
  return { file, bytes: Buffer.byteLength(code) };
}

runCommandLine(main);
