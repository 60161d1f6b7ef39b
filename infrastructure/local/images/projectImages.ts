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
  'test-pod': { dockerfile: 'Dockerfile.test', base: 'languages' },
  program: { dockerfile: 'infrastructure/prod/Dockerfile', base: 'languages' },
  database: { dockerfile: 'infrastructure/prod/database/Dockerfile', base: 'database' },
  pause: { dockerfile: 'infrastructure/local/images/Dockerfile.pause', base: 'pause' },
} as const satisfies Record<string, { dockerfile: string; base: BaseName }>;

export type ImageName = keyof typeof recipes;
export const imageNames = Object.keys(recipes) as ImageName[];

/** What an image is called. The tag is the hash of all that goes into it, and it needs no registry to be clear. */
export type ImageReferences = Record<ImageName, string>;

/** The names of the images as the checkout is now: another name as soon as anything that goes into one changes. */
export async function imageReferences(settings: Settings): Promise<ImageReferences> {
  const named = await Promise.all(
    imageNames.map(async (name) => [name, referenceOf(name, await keyOfImage(name, settings))] as const),
  );
  return Object.fromEntries(named) as ImageReferences;
}

/** The path of an image's archive (docker-archive format), built when it is not in the cache. */
export async function obtainImage(name: ImageName, settings: Settings, progress: Progress): Promise<string> {
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
            base: recipes[name].base,
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

async function keyOfImage(name: ImageName, settings: Settings): Promise<string> {
  const { dockerfile, base } = recipes[name];
  const path = join(settings.checkout, dockerfile);
  const files = await contextFiles(path, settings.checkout);
  return keyOfInputs([await keyOfBase(base)], [{ name: 'Dockerfile', path }, ...files]);
}

function referenceOf(name: ImageName, key: string): string {
  return `docker.io/orchestration-app/${name}:${key}`;
}
