import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { takeLock } from '../machine/lock';
import { describeProcess } from '../../infrastructure/processIdentity';
import type { Progress, ReportProgress } from '../machine/progress';
import { checksumOfFile, filesBelow } from './checksum';

/** A cached artifact: a folder with the files of one program or of one set of images. */
export interface Recipe {
  /** For display, such as `Kubernetes 1.34.4`. */
  title: string;
  /** Folder name in the cache; together with the key it identifies the content. */
  name: string;
  /** From keyOfInputs: a hash of everything that the content depends on. */
  key: string;
  /** Writes the files into an empty folder. */
  make: (into: string, report: ReportProgress) => Promise<void>;
}

const checksumsFile = 'checksums.json';

/** Artifacts unused for this long are deleted when another version is made: 30 days, in milliseconds. */
const UNUSED_MS = 30 * 24 * 3_600_000;

/**
 * Returns the folder of an artifact, and makes it when it is missing from the cache or fails its checksums. A
 * folder appears in the cache complete or not at all. Concurrent starts make an artifact only once.
 */
export async function obtain(recipe: Recipe, cacheDirectory: string, progress: Progress): Promise<string> {
  const directory = join(cacheDirectory, recipe.name, recipe.key);
  if (await isIntact(directory)) {
    await utimes(join(directory, checksumsFile), new Date(), new Date());
    return directory;
  }
  const lock = await takeLock(join(cacheDirectory, `${recipe.name}.lock`), (holder) =>
    progress.say(
      `  ${recipe.title} is being made by ${holder ? describeProcess(holder.pid) : 'another start'}: waiting for it`,
    ),
  );
  try {
    if (await isIntact(directory)) return directory;
    await progress.step(`making ${recipe.title}`, (report) => make(recipe, directory, report));
    await removeUnused(join(cacheDirectory, recipe.name));
    return directory;
  } finally {
    await lock.release();
  }
}

async function make(recipe: Recipe, directory: string, report: ReportProgress): Promise<void> {
  const unfinished = `${directory}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  try {
    await recipe.make(unfinished, report);
    const checksums: Record<string, string> = {};
    for (const file of await filesBelow(unfinished))
      checksums[file] = await checksumOfFile(join(unfinished, file));
    await writeFile(join(unfinished, checksumsFile), JSON.stringify(checksums, null, 1));
    await rm(directory, { recursive: true, force: true });
    await rename(unfinished, directory);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Deletes old versions of an artifact: each change of its sources creates a new one. */
async function removeUnused(versions: string): Promise<void> {
  for (const key of await readdir(versions)) {
    const used = await stat(join(versions, key, checksumsFile)).catch(() => undefined);
    if (used !== undefined && Date.now() - used.mtimeMs > UNUSED_MS)
      await rm(join(versions, key), { recursive: true, force: true });
  }
}

/** True when every file exists and has the checksum that was recorded when it was made. */
export async function isIntact(directory: string): Promise<boolean> {
  let checksums: Record<string, string>;
  try {
    checksums = JSON.parse(await readFile(join(directory, checksumsFile), 'utf8')) as Record<string, string>;
  } catch {
    return false;
  }
  for (const [file, expected] of Object.entries(checksums)) {
    try {
      if ((await checksumOfFile(join(directory, file))) !== expected) return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }
  return true;
}
