import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { containerdPrograms } from '../artifacts/containerdPrograms';
import { runCommand } from '../machine/command';
import type { Progress } from '../machine/progress';
import { statePaths, type Settings } from '../settings';
import { imageNames, obtainImage, referencesOf, type AnyImage, type ImageReferences } from './projectImages';

/**
 * Loads the images of the current checkout into the running container runtime, and builds what changed. Loads
 * the image of an older PostgreSQL only when a database has its data, or on request.
 * @returns the names of all images, including those that were not loaded.
 */
export async function loadImages(
  settings: Settings,
  progress: Progress,
  { withOlderDatabases = false } = {},
): Promise<ImageReferences> {
  const majors = await majorsOnVolumes(statePaths(settings).volumes);
  const needed = imageNames.filter(
    (name) => name !== 'database-15' || withOlderDatabases || majors.has('15'),
  );
  await load(needed, settings, progress);
  return referencesOf(imageNames, settings);
}

/** Major versions of PostgreSQL that the databases on the volumes have. */
export async function majorsOnVolumes(volumes: string): Promise<Set<string>> {
  const majors = new Set<string>();
  for (const volume of await entriesOf(volumes))
    for (const directory of await entriesOf(join(volumes, volume))) {
      if (!/^pgdata(\.\d+)?$/.test(directory)) continue;
      const version = await readFile(join(volumes, volume, directory, 'PG_VERSION'), 'utf8').catch(() => '');
      if (version !== '') majors.add(version.trim());
    }
  return majors;
}

/** Returns an empty list when the folder does not exist. */
const entriesOf = (folder: string) => readdir(folder).catch(() => []);

/** Loads the images of the platform itself, for an installation in the cluster. */
export function loadPlatform(
  settings: Settings,
  progress: Progress,
): Promise<ImageReferences<'gateway' | 'worker'>> {
  return load(['gateway', 'worker'] as const, settings, progress);
}

async function load<Name extends AnyImage>(
  names: readonly Name[],
  settings: Settings,
  progress: Progress,
): Promise<ImageReferences<Name>> {
  const references = await referencesOf(names, settings);
  const common = ['--address', statePaths(settings).containerdSocket, '--namespace', 'k8s.io'];
  const client = join(await containerdPrograms(settings, progress), 'ctr');
  const ctr = (...args: string[]) => runCommand(client, [...common, ...args]);
  const present = new Set((await ctr('images', 'list', '--quiet')).split('\n'));
  await Promise.all(
    names
      .filter((name) => !present.has(references[name]))
      .map(async (name) => {
        const archive = await obtainImage(name, settings, progress);
        await progress.step(`loading image ${name}`, () => ctr('images', 'import', archive));
      }),
  );
  return references;
}
