import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { temporal } from '@temporalio/proto';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type ReplayWorkerOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { workflowsPath } from '../../worker/worker';

/**
 * Workflows that were started by the code of the day they were recorded go on with the code of today:
 * histories of every path are replayed. `npm run record` records them.
 */

const folder = join(__dirname, 'histories');
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ''));
const historyOf = (name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
const logger = new DefaultLogger('ERROR');

/** The id of a user's order has the name of the task queue in it, and a replay would make one up. */
function optionsFor(name: string): ReplayWorkerOptions {
  const { events } = historyOf(name) as temporal.api.history.v1.IHistory;
  const taskQueue = events?.[0]?.workflowExecutionStartedEventAttributes?.taskQueue?.name;
  return { workflowBundle, ...(taskQueue && { taskQueue }) };
}

let workflowBundle: WorkflowBundleWithSourceMap;

beforeAll(async () => {
  Runtime.install({ logger });
  workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
}, 60_000);

test.each(names)('the path "%s" is replayed by the code of today', async (name) => {
  await Worker.runReplayHistory(optionsFor(name), historyOf(name), name);
});

test('a workflow that takes other steps than its history is found', async () => {
  const broken = await bundleWorkflowCode({ workflowsPath: require.resolve('./broken'), logger });
  const replay = Worker.runReplayHistory({ workflowBundle: broken }, historyOf('deployed'), 'deployed');
  await expect(replay).rejects.toThrow(DeterminismViolationError);
}, 60_000);
