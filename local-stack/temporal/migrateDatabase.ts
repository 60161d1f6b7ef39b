import { existsSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '../machine/command';
import { ensurePrograms, pythonPrerequisite } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import { temporal, temporalDatabase } from '../parts/temporal';
import type { Settings } from '../settings';

/** The files next to the database. */
export const migrationFiles = (database: string) => ({
  /** The output of `temporal --version` of the program that created the database. */
  version: `${database}.version`,
  unfinished: `${database}.unfinished`,
  /** The database as it was before the last migration. */
  backup: `${database}.before-upgrade`,
});

/**
 * Migrates the database to this version of Temporal. The development server creates its schema only in a new
 * file and never changes it. On a file of server 1.29, for example, 1.32 continues runs but cannot list
 * schedules. So when another version created the file, this version creates an empty one, and all rows are
 * copied into it. The old file is kept as `temporal.db.before-upgrade`.
 * @throws Error when the new schema lacks a table or column of the old one; the database is then unchanged
 */
export async function migrateDatabase(
  settings: Settings,
  program: string,
  progress: Progress,
): Promise<void> {
  const database = temporalDatabase(settings);
  const files = migrationFiles(database);
  const version = (await runCommand(program, ['--version'])).trim();
  await mkdir(dirname(database), { recursive: true, mode: 0o700 });
  if (existsSync(database)) {
    if (existsSync(files.version) && (await readFile(files.version, 'utf8')) === version) return;
    await progress.step(`copying Temporal's database for ${version}`, async () => {
      await ensurePrograms([pythonPrerequisite], progress);
      try {
        await copyInto(files.unfinished, settings, program);
      } catch (error) {
        throw new Error(
          `Temporal's database ${database} could not be copied for ${version}, and is unchanged: ` +
            `${(error as Error).message}\nStart it with the checkout that made it, or delete all data with npm run reset.`,
          { cause: error },
        );
      }
      await rm(files.backup, { force: true });
      await link(database, files.backup);
      await rename(files.unfinished, database);
    });
  }
  await writeFile(files.version, version);
}

/** Creates an empty database with this version's schema, and copies all rows into it. */
async function copyInto(unfinished: string, settings: Settings, program: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(`${unfinished}${suffix}`, { force: true });
  const server = temporal(settings, program, unfinished);
  try {
    await server.start();
    await server.ready();
  } finally {
    await server.stop();
  }
  await runCommand('python3', [
    join(settings.checkout, 'local-stack', 'temporal', 'copyDatabase.py'),
    temporalDatabase(settings),
    unfinished,
  ]);
}
