import { join } from 'node:path';
import { obtain } from '../artifacts/cache';
import { keyOfInputs } from '../artifacts/checksum';
import { ensurePrograms, imagePrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { keyOfBase, type BaseName } from './baseImages';
import { ImageBuilder } from './imageBuilder';
import { contextFiles } from './contextFiles';

/** The images of this repository: Dockerfile, relative to the root of it, and what it stands on here. */
const recipes = {
  'test-pod': { dockerfile: 'Dockerfile.test', bases: { BASE_IMAGE: 'languages', NODE_IMAGE: 'node' } },
  program: {
    dockerfile: 'sandbox/production-pod/Dockerfile',
    bases: { BASE_IMAGE: 'languages', NODE_IMAGE: 'node' },
  },
  database: { dockerfile: 'sandbox/production-pod/database/Dockerfile', bases: { BASE_IMAGE: 'database' } },
  // The same for databases that were made before: one image for each older major (olderPostgresql).
  'database-15': {
    dockerfile: 'sandbox/production-pod/database/Dockerfile',
    bases: { BASE_IMAGE: 'database-15' },
  },
  pause: { dockerfile: 'local-stack/images/Dockerfile.pause', bases: { BASE_IMAGE: 'pause' } },
  gateway: { dockerfile: 'Dockerfile.gateway', bases: { BASE_IMAGE: 'node', RUNTIME_IMAGE: 'runtime' } },
  worker: { dockerfile: 'Dockerfile.worker', bases: { BASE_IMAGE: 'node', RUNTIME_IMAGE: 'runtime' } },
} as const satisfies Record<string, { dockerfile: string; bases: Record<string, BaseName> }>;

export type AnyImage = keyof typeof recipes;
/** Those that a cluster needs for users' pods; worker and gateway run beside the local one, unless they are installed. */
export type ImageName = Exclude<AnyImage, 'gateway' | 'worker'>;
export const imageNames: readonly ImageName[] = ['test-pod', 'program', 'database', 'database-15', 'pause'];

/** What an image is called. The tag is the hash of all that goes into it, and it needs no registry to be clear. */
export type ImageReferences<Name extends AnyImage = ImageName> = Record<Name, string>;

/** The names of the images as the checkout is now: another name as soon as anything that goes into one changes. */
export async function imageReferences(settings: Settings): Promise<ImageReferences> {
  return referencesOf(imageNames, settings);
}

export async function referencesOf<Name extends AnyImage>(
  names: readonly Name[],
  settings: Settings,
): Promise<ImageReferences<Name>> {
  const named = await Promise.all(
    names.map(async (name) => [name, referenceOf(name, await keyOfImage(name, settings))] as const),
  );
  return Object.fromEntries(named) as ImageReferences<Name>;
}

/** The path of an image's archive (docker-archive format), built when it is not in the cache. */
export async function obtainImage(name: AnyImage, settings: Settings, progress: Progress): Promise<string> {
  const key = await keyOfImage(name, settings);
  const directory = await obtain(
    {
      title: `image ${name}`,
      name: `image-${name}`,
      key,
      make: async (into, report) => {
        await ensurePrograms(imagePrerequisites, progress);
        await new ImageBuilder(settings, progress).build(
          {
            bases: recipes[name].bases,
            usesNpm: 'RUNTIME_IMAGE' in recipes[name].bases,
            dockerfile: join(settings.checkout, recipes[name].dockerfile),
            context: settings.checkout,
            reference: referenceOf(name, key),
            archive: join(into, 'image.tar'),
          },
          report,
        );
      },
    },
    settings.cacheDirectory,
    progress,
  );
  return join(directory, 'image.tar');
}

async function keyOfImage(name: AnyImage, settings: Settings): Promise<string> {
  const { dockerfile, bases } = recipes[name];
  const path = join(settings.checkout, dockerfile);
  const files = await contextFiles(path, settings.checkout);
  const keys = await Promise.all(Object.values(bases).map((base) => keyOfBase(base)));
  return keyOfInputs(keys, [{ name: 'Dockerfile', path }, ...files]);
}

function referenceOf(name: AnyImage, key: string): string {
  return `docker.io/orchestration-app/${name}:${key}`;
}
