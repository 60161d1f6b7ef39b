import { CancellationScope, patched, proxyActivities } from '@temporalio/workflow';
import type { Activities, SubmissionIdentity } from '../activities';
import type {
  DeployedProgram,
  MigrationReport,
  Program,
  ProgramReport,
  RolloutReport,
} from '../activities/ports';
import { activityOptions } from './activityOptions';
import type { Verdict } from './contract';
import { findDeployed } from './deployedProgram';
import { failedWith } from './failures';

const { applyDatabase } = proxyActivities<Activities>(activityOptions.applyDatabase);
const { applyProgram } = proxyActivities<Activities>(activityOptions.applyProgram);
const { runMigration } = proxyActivities<Activities>(activityOptions.runMigration);
const { removeMigration } = proxyActivities<Activities>(activityOptions.applyProgram);
const { awaitRollout } = proxyActivities<Activities>(activityOptions.awaitRollout);
const { rollBack } = proxyActivities<Activities>(activityOptions.rollBack);

/** How a deployment ended. */
export interface Deployment extends Pick<Verdict, 'reason' | 'message' | 'migration' | 'rollout' | 'live'> {
  status: 'deployed' | 'deploy_failed' | 'superseded';
}

/**
 * Deploys a program. If its rollout fails, restores what was live before. The caller must hold the production
 * lock.
 */
export async function deploy(
  { submissionId, userId, codeDigest }: SubmissionIdentity,
  program: Program,
): Promise<Deployment> {
  const identity = { submissionId, userId, codeDigest };
  let migration: MigrationReport | null = null;
  let applied: ProgramReport;
  if (!program.migrate && patched('apply-side-by-side')) applied = await applySideBySide(identity, program);
  else {
    await applyDatabase(identity);
    migration = program.migrate ? await migrate(identity, program) : null;
    if (migration?.outcome === 'failed')
      return {
        status: 'deploy_failed',
        reason: 'migration_failed',
        message: `The migration failed, and nothing was rolled out. ${migration.message ?? ''}`,
        migration,
        rollout: null,
        live: migration.live,
      };
    // A cancellation waits until the result is known. Without it, the change could not be undone.
    applied = await CancellationScope.nonCancellable(() => applyProgram(identity, program));
  }

  let rollout: RolloutReport;
  try {
    rollout = await awaitRollout(userId, applied.program);
  } catch (error) {
    await restore(userId, applied);
    throw error;
  }

  const { reason, message } = rollout;
  switch (rollout.outcome) {
    case 'live':
      return {
        status: 'deployed',
        reason: 'live',
        message: 'The program is in production.',
        migration,
        rollout,
        live: applied.program,
      };
    case 'superseded':
      return {
        status: 'superseded',
        reason: 'superseded',
        message: message ?? 'A newer submission took its place before it was live.',
        migration,
        rollout,
        live: null,
      };
    case 'failed': {
      const live = await restore(userId, applied);
      return {
        status: 'deploy_failed',
        reason: reason ?? 'unknown',
        message: message ?? 'The program did not become ready in production.',
        migration,
        rollout,
        live,
      };
    }
  }
}

/**
 * Applies database and program at the same time: the program's pod waits for its database. If one of the two fails or
 * is cancelled, the other is cancelled, and a program that was applied is undone.
 */
async function applySideBySide(identity: SubmissionIdentity, program: Program): Promise<ProgramReport> {
  const failures: unknown[] = [];
  const databaseScope = new CancellationScope();
  // A cancellation reaches it only if the database fails: later, its result must be known.
  const programScope = new CancellationScope({
    cancellable: true,
    parent: new CancellationScope({ cancellable: false }),
  });
  const cancelling = (other: CancellationScope) => (error: unknown) => {
    failures.push(error);
    other.cancel();
  };
  const [, applied] = await Promise.all([
    databaseScope.run(() => applyDatabase(identity)).catch(cancelling(programScope)),
    programScope.run(() => applyProgram(identity, program)).catch(cancelling(databaseScope)),
  ]);
  if (failures.length === 0 && applied) return applied;
  if (applied) await restore(identity.userId, applied);
  throw failures[0];
}

async function migrate(identity: SubmissionIdentity, program: Program) {
  try {
    return await runMigration(identity, program);
  } finally {
    await CancellationScope.nonCancellable(() => removeMigration(identity));
  }
}

/** Restores what was live before. Continues even if the submission is cancelled meanwhile. */
async function restore(
  userId: string,
  { program, previous }: ProgramReport,
): Promise<DeployedProgram | null> {
  return CancellationScope.nonCancellable(async () => {
    try {
      const { live } = await rollBack(userId, program, previous);
      return live;
    } catch (error) {
      const isGone = previous !== null && failedWith(error, 'EnvironmentMissing');
      if (!isGone || !patched('restore-from-memory')) throw error;
      return deployAgain(userId, previous, error);
    }
  });
}

/**
 * Restores what was live before from Temporal's history, if its files or database are gone from the cluster.
 */
async function deployAgain(
  userId: string,
  previous: DeployedProgram,
  notRestored: unknown,
): Promise<DeployedProgram> {
  const { identity, program } = await findDeployed(userId, previous.submissionId);
  if (patched('restore-database')) await applyDatabase(identity);
  const applied = await applyProgram(identity, program);
  const rollout = await awaitRollout(userId, applied.program);
  if (rollout.outcome !== 'live') throw notRestored;
  return applied.program;
}
