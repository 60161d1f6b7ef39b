/**
 * The workflows of operations on a user's production, such as rollback, stop and deletion. Operators' commands
 * (operations/) and the gateway start them.
 */
import { ApplicationFailure, isCancellation, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { LiveReport } from '../activities/ports';
import { activityOptions } from './activityOptions';
import { namespaceOf } from './contract';
import type {
  DeleteProductionInput,
  OperationInput,
  OperationReport,
  RollBackToInput,
  UpgradeDatabaseInput,
} from './contract';
import { deploy } from './deploy';
import { findDeployed } from './deployedProgram';
import { describeFailure } from './failures';
import { BeforeEnd, end } from './recording';
import { withProductionLock, Superseded } from './productionLock';

const activities = proxyActivities<Activities>(activityOptions.read);
const removing = proxyActivities<Activities>(activityOptions.remove);
const upgrading = proxyActivities<Activities>(activityOptions.upgradeDatabase);

/** The result of an operation, before production is inspected. */
type Outcome = Omit<OperationReport, 'production'>;

const done = (message: string): Outcome => ({ status: 'done', message });

/** Reports what is live, since when, and from which submission. Does not wait for a turn. */
export async function inspectProduction(input: OperationInput): Promise<LiveReport> {
  const { production } = await inspectedAfter(input, () => Promise.resolve(done('Looked.')));
  return production;
}

/** Deploys an earlier submission again, unchanged. Its migration is not run again. */
export async function rollBackTo(input: RollBackToInput): Promise<OperationReport> {
  return inspectedAfter(input, (beforeEnd) =>
    whenItsTurn(`rollback to ${input.submissionId}`, input, beforeEnd, { yields: true }, async () => {
      const { live } = await activities.inspectProduction(input.userId);
      if (live?.submissionId === input.submissionId) return done('It is live already.');
      const { identity, program } = await findDeployed(input.userId, input.submissionId);
      const { status, message } = await deploy(identity, { ...program, migrate: null });
      return { status: status === 'deployed' ? 'done' : 'failed', message };
    }),
  );
}

/** Stops the program and keeps the database. A rollback to the submission starts the program again. */
export async function stopProduction(input: OperationInput): Promise<OperationReport> {
  return inspectedAfter(input, (beforeEnd) =>
    whenItsTurn('stop', input, beforeEnd, { yields: true }, async () => {
      await removing.stopProduction(input.userId);
      return done('The program is stopped. Its database stays.');
    }),
  );
}

/** Deletes the program with its files, and on request also the database with its rows. */
export async function deleteProduction(input: DeleteProductionInput): Promise<OperationReport> {
  const { userId, database } = input;
  return inspectedAfter(input, (beforeEnd) =>
    whenItsTurn('deletion', input, beforeEnd, { yields: false }, async () => {
      await removing.deleteProduction(userId, { database });
      return done(
        database ? 'Program and database are deleted.' : 'The program is deleted, the database stays.',
      );
    }),
  );
}

/** Deletes everything that a user has: production, database, test pod. */
export async function deleteEnvironment(input: OperationInput): Promise<OperationReport> {
  return inspectedAfter(input, (beforeEnd) =>
    whenItsTurn('deletion', input, beforeEnd, { yields: false }, async () => {
      await removing.deleteEnvironment(input.userId);
      return done(`${namespaceOf(input.userId)} is deleted, with everything in it.`);
    }),
  );
}

/**
 * Upgrades the database to the PostgreSQL version of new databases, or deletes the old data after an upgrade.
 */
export async function upgradeDatabase(input: UpgradeDatabaseInput): Promise<OperationReport> {
  const { userId, discardOld } = input;
  return inspectedAfter(input, (beforeEnd) =>
    whenItsTurn('upgrade of the database', input, beforeEnd, { yields: false }, async () => {
      if (discardOld) {
        const discarded = await upgrading.discardOldData(userId);
        return done(
          discarded.length === 0
            ? 'There are no data of an older PostgreSQL.'
            : `The data of PostgreSQL ${discarded.join(', ')} are deleted.`,
        );
      }
      const { from, to, tables, rows } = await upgrading.upgradeDatabase(userId);
      return done(
        from === null
          ? `The database is PostgreSQL ${to} already.`
          : `The database is PostgreSQL ${to} now, with all ${rows} rows of ${tables} tables. The data of PostgreSQL ${from} are still on its volume.`,
      );
    }),
  );
}

async function whenItsTurn(
  name: string,
  { userId, acceptedAt }: OperationInput,
  beforeEnd: BeforeEnd,
  { yields }: { yields: boolean },
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  const { workflowId: id } = workflowInfo();
  const claimed = { id, name: `${name} (${id})`, acceptedAt, yields };
  const outcome = await withProductionLock(
    userId,
    claimed,
    beforeEnd,
    work,
    ({ status }) => status === 'done',
  );
  if (!(outcome instanceof Superseded)) return outcome;
  return {
    status: 'superseded',
    message: `The ${outcome.by.name} was accepted later and took its place.`,
  };
}

/** Does the work, then inspects production. The log has both results from the history. */
async function inspectedAfter(
  { userId }: OperationInput,
  work: (beforeEnd: BeforeEnd) => Promise<Outcome>,
): Promise<OperationReport> {
  const beforeEnd = new BeforeEnd();
  try {
    const outcome = await work(beforeEnd);
    const production = await activities.inspectProduction(userId);
    await end(beforeEnd);
    return { ...outcome, production };
  } catch (error) {
    const { reason, message } = describeFailure(error);
    await end(beforeEnd);
    throw isCancellation(error) ? error : ApplicationFailure.nonRetryable(message, reason);
  }
}
