import type { V1StatefulSet } from '@kubernetes/client-node';
import type { CallContext, Provenance, UpgradeReport } from '../../../../activities/ports';
import type { Kube } from '../../api/client';
import { PlatformError } from '../../api/errors';
import { withHeartbeats } from '../../api/heartbeats';
import { applyVersion, readMajor } from './database';
import { inDatabasePod } from './pod';
import { namesOf } from '../names';
import { POSTGRESQL_MAJOR, UPGRADED_FROM_ANNOTATION } from './postgresql';
import { readStatefulSet } from './state';
import { writtenProvenance } from '../provenance';
import type { ProductionSettings } from '../types';

/** Deadline of the dump, and of the restore, in milliseconds: a volume of 1 GiB takes a few minutes. */
const MOVE_DEADLINE_MS = 600_000;

/** Deadline of a command that moves no rows, in milliseconds. */
const COMMAND_DEADLINE_MS = 60_000;
const SCRIPT = '/opt/orchestration/upgrade.sh';

/** Failures before the new version had any data: the old version can run again without losing a row. */
const NOT_SWITCHED = ['upgrade_failed', 'image_error'];

/**
 * Upgrades a database to the PostgreSQL version of new databases, by dump and restore on its own volume
 * (sandbox/production-pod/database/upgrade.sh). The program cannot connect from the dump until the end. The
 * old data stay on the volume. A repeated call continues an interrupted upgrade, and changes nothing after a
 * complete one. If the new version cannot take over the data, the old version runs again.
 * @throws PlatformError `Rejected` with the reason when it cannot be done, `Unavailable` when it may be
 * retried
 */
export async function upgradeDatabase(
  kube: Kube,
  settings: ProductionSettings,
  userId: string,
  context: CallContext,
): Promise<UpgradeReport> {
  const { existing, major } = await findDatabase(kube, userId);
  const move: Move = { kube, settings, provenance: writtenProvenance(userId, existing.metadata), context };
  let from: string;
  if (major === POSTGRESQL_MAJOR) {
    // Set by an upgrade that an earlier attempt began or completed; absent when there was none.
    const before = existing.metadata?.annotations?.[UPGRADED_FROM_ANNOTATION];
    if (before === undefined) return { from: null, to: POSTGRESQL_MAJOR, tables: 0, rows: 0 };
    from = before;
  } else {
    from = major;
    await run(move, from);
    await withHeartbeats(context, { waitingFor: 'the dump of the database' }, () =>
      inDatabasePod(kube, userId, [SCRIPT, 'dump', POSTGRESQL_MAJOR], MOVE_DEADLINE_MS),
    );
  }
  await switchOver(move, from);
  return { from, to: POSTGRESQL_MAJOR, ...(await readReport(kube, userId)) };
}

/**
 * Deletes the old data that an upgrade left on the volume.
 * @returns the major versions of the deleted data
 */
export async function discardOldData(kube: Kube, userId: string): Promise<string[]> {
  const { major } = await findDatabase(kube, userId);
  if (major !== POSTGRESQL_MAJOR)
    throw new PlatformError(
      'Rejected',
      `The database of ${userId} is PostgreSQL ${major}: upgrade it first.`,
    );
  const printed = await inDatabasePod(kube, userId, [SCRIPT, 'discard'], COMMAND_DEADLINE_MS);
  return printed.split('\n').filter((line) => line !== '');
}

interface Move {
  kube: Kube;
  settings: ProductionSettings;
  provenance: Provenance;
  context: CallContext;
}

async function findDatabase(kube: Kube, userId: string): Promise<{ existing: V1StatefulSet; major: string }> {
  const existing = await readStatefulSet(kube, userId);
  if (existing === null) throw new PlatformError('Rejected', `${userId} has no database.`);
  const major = await readMajor(kube, userId, existing);
  if (major === null)
    throw new PlatformError(
      'Unavailable',
      `The database of ${userId} does not run, so the version of its data is not known: see the log of ${namesOf(userId).database}-0.`,
    );
  return { existing, major };
}

/** Starts the database with a major version, in the image of this release, which contains the script. */
async function run({ kube, settings, provenance, context }: Move, major: string): Promise<void> {
  const image = settings.olderDatabaseImages?.[major];
  if (image === undefined)
    throw new PlatformError(
      'Rejected',
      `This worker knows no image of PostgreSQL ${major}: only ${Object.keys(settings.olderDatabaseImages ?? {}).join(', ') || 'none'} can be upgraded.`,
    );
  const choose = () => ({ major, image });
  await applyVersion(kube, settings, provenance, context, { choose, deadlineMs: MOVE_DEADLINE_MS });
}

async function switchOver(move: Move, from: string): Promise<void> {
  const { kube, settings, provenance, context } = move;
  const to = { major: POSTGRESQL_MAJOR, image: settings.databaseImage, upgradedFrom: from };
  try {
    await applyVersion(kube, settings, provenance, context, {
      choose: () => to,
      deadlineMs: MOVE_DEADLINE_MS,
    });
  } catch (error) {
    if (!(error instanceof PlatformError) || !NOT_SWITCHED.includes(error.reason ?? '')) throw error;
    await run(move, from);
    const message = `PostgreSQL ${from} runs again with all rows, as ${to.major} could not take them over. ${error.message}`;
    throw new PlatformError('Rejected', message, { reason: error.reason, cause: error });
  }
}

async function readReport(kube: Kube, userId: string): Promise<Pick<UpgradeReport, 'tables' | 'rows'>> {
  const printed = await inDatabasePod(kube, userId, [SCRIPT, 'report'], COMMAND_DEADLINE_MS);
  const counts = /^\d+ (\d+) (\d+)\n$/.exec(printed);
  if (counts === null)
    throw new PlatformError('Unavailable', `The report of the upgrade of ${userId} did not arrive whole.`);
  return { tables: Number(counts[1]), rows: Number(counts[2]) };
}
