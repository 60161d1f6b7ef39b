import { join } from 'node:path';
import { obtain } from '../artifacts/cache';
import { keyOfInputs } from '../artifacts/checksum';
import { ensurePrograms, imagePrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { keyOfBase, type BaseName } from './baseImages';
import { ImageBuilder } from './imageBuilder';
import { contextFiles } from './contextFiles';

/**
 * The images of this repository: the path of the Dockerfile, relative to the repository, and the local bases.
 */
const recipes = {
  'test-pod': { dockerfile: 'Dockerfile.test', bases: { BASE_IMAGE: 'languages', NODE_IMAGE: 'node' } },
  program: {
    dockerfile: 'sandbox/production-pod/Dockerfile',
    bases: { BASE_IMAGE: 'languages', NODE_IMAGE: 'node' },
  },
  database: { dockerfile: 'sandbox/production-pod/database/Dockerfile', bases: { BASE_IMAGE: 'database' } },
  // For databases that were created earlier: one image for each older major version (olderPostgresql).
  'database-15': {
    dockerfile: 'sandbox/production-pod/database/Dockerfile',
    bases: { BASE_IMAGE: 'database-15' },
  },
  pause: { dockerfile: 'local-stack/images/Dockerfile.pause', bases: { BASE_IMAGE: 'pause' } },
  gateway: { dockerfile: 'Dockerfile.gateway', bases: { BASE_IMAGE: 'node', RUNTIME_IMAGE: 'runtime' } },
  worker: { dockerfile: 'Dockerfile.worker', bases: { BASE_IMAGE: 'node', RUNTIME_IMAGE: 'runtime' } },
} as const satisfies Record<string, { dockerfile: string; bases: Record<string, BaseName> }>;

export type AnyImage = keyof typeof recipes;
/**
 * The images that a cluster needs for users' pods. Worker and gateway run outside the local cluster unless
 * they are installed in it.
 */
export type ImageName = Exclude<AnyImage, 'gateway' | 'worker'>;
export const imageNames: readonly ImageName[] = ['test-pod', 'program', 'database', 'database-15', 'pause'];

/** Image names. The tag is the hash of everything that goes into the image; no registry is involved. */
export type ImageReferences<Name extends AnyImage = ImageName> = Record<Name, string>;

/** Image names for the current checkout. A name changes when anything that goes into the image changes. */
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
