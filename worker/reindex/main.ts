import { parseArgs } from 'node:util';
import { documentsOf } from '../../activities/actions';
import { runCommandLine, UsageError } from '../../infrastructure/commandLine';
import { readConfig } from '../../infrastructure/config';
import { accessTo, ELASTICSEARCH_VARIABLES } from '../../infrastructure/elasticsearch/access';
import { createActionLog } from '../../infrastructure/elasticsearch/actionLog';
import { serverEnvironment } from '../../infrastructure/local/serverEnvironment';
import { connectClient, TEMPORAL_VARIABLES } from '../../infrastructure/temporal/connection';
import { recordedTrails } from './trails';

/** `npm run reindex`: completes the index of actions from Temporal's history, or builds another one. */

const USAGE = `Usage: npm run reindex [-- [--since 2026-01-31T00:00:00Z] [--index NAME]]
Writes what the index (ELASTICSEARCH_INDEX, or NAME) lacks of the actions in Temporal's history. What it has stays.
What is in no history cannot be built again: the audit of calls, keys made and revoked, backups, lines of pods.
Ends with 0 when it has all, 1 when actions are missing or were rejected, 2 when the command is not understood.`;

/** Documents of a request to Elasticsearch, about. */
const BATCH = 500;

async function main(args: string[]): Promise<object> {
  const { since, index } = optionsIn(args);
  const config = readConfig(
    [...TEMPORAL_VARIABLES, 'TEMPORAL_TASK_QUEUE', 'ACTIONS_RETENTION_DAYS', ...ELASTICSEARCH_VARIABLES],
    serverEnvironment(),
  );
  const client = connectClient(config);
  const log = createActionLog({
    ...accessTo(config),
    index: index ?? config.ELASTICSEARCH_INDEX,
    retentionDays: config.ACTIONS_RETENTION_DAYS,
  });
  const report = {
    ...{ workflows: 0, under_way: 0, stored: 0, known: 0, rejected: 0 },
    /** Workflows that were ended from outside before they recorded what they did. */
    gaps: [] as string[],
  };
  let batch: ReturnType<typeof documentsOf> = [];
  const flush = async () => {
    const { stored, known, rejected } = await log.write(batch);
    batch = [];
    report.stored += stored;
    report.known += known;
    report.rejected += rejected;
  };
  try {
    for await (const recorded of recordedTrails(client, config.TEMPORAL_TASK_QUEUE, since)) {
      report.workflows++;
      if (recorded.trail) batch.push(...documentsOf(recorded.trail));
      else if (recorded.isOver) report.gaps.push(recorded.workflowId);
      else report.under_way++;
      if (batch.length >= BATCH) await flush();
    }
    await flush();
  } finally {
    await Promise.all([log.close(), client.connection.close()]);
  }
  if (report.rejected + report.gaps.length > 0) process.exitCode = 1;
  return report;
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
