import { parseArgs } from 'node:util';
import { runCommandLine, UsageError } from '../../infrastructure/commandLine';
import { readConfig } from '../../infrastructure/config/config';
import { accessTo, ELASTICSEARCH_VARIABLES } from '../../infrastructure/elasticsearch/access';
import { serverEnvironment } from '../serverEnvironment';
import { connectClient, TEMPORAL_VARIABLES } from '../../infrastructure/temporal/connection';
import { openIndices } from './indices';
import { recordedTrails } from './trails';

/**
 * `npm run reindex`: completes the indices of actions and output from Temporal's history, or builds new ones.
 */

const USAGE = `Usage: npm run reindex [-- [--since 2026-01-31T00:00:00Z] [--index NAME]]
Writes what the index (ELASTICSEARCH_INDEX, or NAME) lacks of the actions in Temporal's history, and what the index of
output beside it lacks of the heads and tails there. What they have stays.
What is in no history cannot be built again: the audit of calls, keys made and revoked, backups, lines of pods, and the
middle of an output of which the history has head and tail. Where that is missing, it is named.
Ends with 0 when it has all, 1 when something is missing or was rejected, 2 when the command is not understood.`;

async function main(args: string[]): Promise<object> {
  const { since, index } = optionsIn(args);
  const config = readConfig(
    [...TEMPORAL_VARIABLES, 'TEMPORAL_TASK_QUEUE', 'ACTIONS_RETENTION_DAYS', ...ELASTICSEARCH_VARIABLES],
    serverEnvironment(),
  );
  const client = connectClient(config);
  const indices = openIndices(
    accessTo(config),
    index ?? config.ELASTICSEARCH_INDEX,
    config.ACTIONS_RETENTION_DAYS,
  );
  const seen = { workflows: 0, under_way: 0 };
  try {
    for await (const trail of recordedTrails(client, config.TEMPORAL_TASK_QUEUE, since)) {
      seen.workflows++;
      if (trail) await indices.complete(trail);
      else seen.under_way++;
    }
    const { actions, output, outputGaps } = await indices.finish();
    if (actions.rejected + output.rejected + outputGaps.length > 0) process.exitCode = 1;
    return { ...seen, ...actions, output, output_gaps: outputGaps };
  } finally {
    await Promise.all([indices.close(), client.connection.close()]);
  }
}

function optionsIn(args: string[]): { since: string | null; index: string | undefined } {
  try {
    const { values } = parseArgs({ args, options: { since: { type: 'string' }, index: { type: 'string' } } });
    const { since, index } = values;
    if (since !== undefined && Number.isNaN(Date.parse(since)))
      throw new Error(`--since must be a time of ISO 8601, and is ${since}.`);
    return { since: since === undefined ? null : new Date(since).toISOString(), index };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

runCommandLine(main);
