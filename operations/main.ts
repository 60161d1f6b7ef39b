import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { WorkflowFailedError } from '@temporalio/client';
import { runCommandLine, UsageError } from '../infrastructure/commandLine';
import { readConfig } from '../infrastructure/config/config';
import { accessTo, ELASTICSEARCH_VARIABLES } from '../infrastructure/elasticsearch/access';
import { createActionLog } from '../infrastructure/elasticsearch/actionLog';
import { connectKubernetes } from '../infrastructure/kubernetes/api/client';
import { backUp, restore, type BackupReport } from '../infrastructure/kubernetes/production/database/backup';
import { serverEnvironment } from './serverEnvironment';
import { connectClient, TEMPORAL_VARIABLES } from '../infrastructure/temporal/connection';
import { namespaceOf, operationIdOf, OPERATIONS } from '../workflows/contract';
import type { LiveReport, OperationInput, OperationReport } from '../workflows/contract';
import { operatorDocument } from './actionDocument';
import { requestedBy } from './requestedBy';
import { resultOf } from './resultOf';

/** `npm run ops -- COMMAND USER ...`: operations on a user's production. */

const USAGE = `Usage: npm run ops -- COMMAND USER ...
  live USER                    what is live, since when, from which submission
  rollback USER SUBMISSION     deploys an earlier submission again
  stop USER                    takes the program away; the database stays
  delete USER                  deletes the program and its files; the database stays
  delete USER --confirm USER   the same, and the database with all its rows
  delete USER --environment --confirm USER
                               everything that the user has, the test pod included
  backup USER FILE             writes a dump of the database
  restore USER FILE --confirm USER
                               replaces everything in the database by a dump
  upgrade-database USER        brings the database to the PostgreSQL of new ones
  upgrade-database USER --discard-old --confirm USER
                               deletes the data that an upgrade left of the old one`;

/** How long Temporal may take to answer, in milliseconds. */
const START_WITHIN_MS = 10_000;

async function main(args: string[]): Promise<unknown> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      confirm: { type: 'string' },
      environment: { type: 'boolean' },
      'discard-old': { type: 'boolean', default: false },
    },
  });
  const [command, userId, argument, ...rest] = positionals;
  if (!command || !userId || rest.length > 0) throw new UsageError(USAGE);
  const needed = (what: string) => {
    if (argument === undefined) throw new UsageError(`${command} needs ${what}.\n${USAGE}`);
    return argument;
  };
  const confirmed = values.confirm === userId;
  if (values.confirm !== undefined && !confirmed)
    throw new UsageError(`--confirm ${values.confirm} is not ${userId}: nothing was done.`);

  switch (command) {
    case 'live':
      return operate<LiveReport>(OPERATIONS.live, userId, {});
    case 'rollback':
      return operate(OPERATIONS.rollback, userId, { submissionId: needed('the id of a submission') });
    case 'stop':
      return operate(OPERATIONS.stop, userId, {});
    case 'delete':
      if (!values.environment) return operate(OPERATIONS.delete, userId, { database: confirmed });
      if (!confirmed) throw new UsageError(`This deletes all rows of ${userId}: add --confirm ${userId}.`);
      return operate(OPERATIONS.deleteEnvironment, userId, {});
    case 'upgrade-database': {
      const discardOld = values['discard-old'];
      if (discardOld && !confirmed)
        throw new UsageError(
          `This deletes the old data; you cannot return to the old version then. Add --confirm ${userId}.`,
        );
      return operate(OPERATIONS.upgradeDatabase, userId, { discardOld });
    }
    case 'backup':
      return withDatabase('backup', userId, needed('a file'), backUp);
    case 'restore':
      if (!confirmed) throw new UsageError(`This replaces all rows of ${userId}: add --confirm ${userId}.`);
      return withDatabase('restore', userId, needed('a file'), restore);
    default:
      throw new UsageError(USAGE);
  }
}

/**
 * Runs an operation as a workflow and waits until it ends.
 * @throws Error with the reason if it did not succeed
 */
async function operate<Report extends LiveReport | OperationReport = OperationReport>(
  type: string,
  userId: string,
  details: object,
): Promise<Report> {
  const config = readConfig([...TEMPORAL_VARIABLES, 'TEMPORAL_TASK_QUEUE'], serverEnvironment());
  const client = connectClient(config);
  const input: OperationInput = {
    userId,
    requestedBy: requestedBy(),
    acceptedAt: new Date().toISOString(),
    ...details,
  };
  try {
    const taskQueue = config.TEMPORAL_TASK_QUEUE;
    const handle = await client.connection.withDeadline(Date.now() + START_WITHIN_MS, () =>
      client.workflow.start(type, {
        workflowId: operationIdOf(randomUUID()),
        taskQueue,
        args: [input],
      }),
    );
    const report = (await resultOf(client, handle, taskQueue)) as Report;
    if ('status' in report && report.status !== 'done')
      throw new Error(`${report.status}: ${report.message}`);
    return report;
  } catch (error) {
    throw error instanceof WorkflowFailedError ? (error.cause ?? error) : error;
  } finally {
    await client.connection.close();
  }
}

/** Works on a user's database from this machine, where the file is, and logs the action. */
async function withDatabase(
  name: string,
  userId: string,
  file: string,
  work: (kube: ReturnType<typeof connectKubernetes>, userId: string, file: string) => Promise<BackupReport>,
): Promise<BackupReport> {
  const config = readConfig(
    ['KUBECONFIG', 'KUBE_CONTEXT', 'ACTIONS_RETENTION_DAYS', ...ELASTICSEARCH_VARIABLES],
    serverEnvironment(),
  );
  const kube = connectKubernetes({ kubeconfig: config.KUBECONFIG, context: config.KUBE_CONTEXT });
  const log = createActionLog({
    ...accessTo(config),
    index: config.ELASTICSEARCH_INDEX,
    retentionDays: config.ACTIONS_RETENTION_DAYS,
  });
  const startedAt = new Date();
  const type = name === 'backup' ? 'access' : 'change';
  const write = (outcome: 'success' | 'failure', details: object) =>
    log.write([
      operatorDocument({
        ...{ action: name, outcome, message: `${name}: ${outcome}`, startedAt, details },
        kind: { category: ['database'], type: [type] },
        about: {
          user: { id: userId },
          orchestrator: { type: 'kubernetes', namespace: namespaceOf(userId) },
        },
      }),
    ]);
  try {
    const report = await work(kube, userId, file).catch(async (error: unknown) => {
      await write('failure', { error: String(error) });
      throw error;
    });
    await write('success', report);
    return report;
  } finally {
    await log.close();
  }
}

runCommandLine(main);
