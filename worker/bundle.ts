import { writeFile } from 'node:fs/promises';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { runCommandLine, UsageError } from '../infrastructure/commandLine';
import { tracedBundleOf, workflowTracing } from './tracing';
import { workflowsPath } from './worker';

/** Bundles the workflow code into a file, for WORKFLOW_BUNDLE, and for tracing into another beside it: a worker that has it starts without a compiler. */
async function main([file]: string[]): Promise<object> {
  if (!file) throw new UsageError('Usage: node worker/bundle.js FILE');
  const files = { [file]: [], [tracedBundleOf(file)]: [workflowTracing] };
  const bytes: Record<string, number> = {};
  for (const [path, workflowInterceptorModules] of Object.entries(files)) {
    const logger = new DefaultLogger('WARN');
    const { code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger });
    await writeFile(path, code);
    bytes[path] = Buffer.byteLength(code);
  }
  return { bytes };
}

runCommandLine(main);
