import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { containerdPrograms } from '../artifacts/containerdPrograms';
import { runCommand } from '../machine/command';
import type { Progress } from '../machine/progress';
import { statePaths, type Settings } from '../settings';
import { imageNames, obtainImage, referencesOf, type AnyImage, type ImageReferences } from './projectImages';

/**
 * Gives the running container runtime the images of the checkout as it is now, building what changed. The image of an
 * older PostgreSQL only where a database has data of that, or when it is asked for.
 * @returns the names of all, whether they were needed or not.
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

/** Major versions of PostgreSQL that data on the volumes have. */
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

/** None where there is no such folder. */
const entriesOf = (folder: string) => readdir(folder).catch(() => []);

/** The same with the images of the platform itself, for an installation in the cluster. */
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
