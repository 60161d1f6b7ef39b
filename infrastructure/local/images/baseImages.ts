import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { obtain } from '../artifacts/cache';
import { keyOfInputs } from '../artifacts/checksum';
import { runCommand } from '../machine/command';
import { ensurePrograms, imagePrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { versions } from '../versions';

/**
 * The root file systems that images are made from where no image registry can be reached: Debian packages.
 * They stand in for the public images that the Dockerfiles name by default.
 */
const bases = {
  languages: { variant: 'minbase', packages: ['ca-certificates', ...languagePackages()] },
  database: { variant: 'minbase', packages: ['postgresql', 'postgresql-client'] },
  // For a test alone: Elasticsearch as a pod.
  java: { variant: 'minbase', packages: ['default-jre-headless'] },
  pause: { variant: 'extract', packages: ['busybox-static'] },
} as const;

/** What the languages of this checkout need, as their folders say. */
function languagePackages(): string[] {
  const folder = join(__dirname, '..', '..', 'languages');
  const languages = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const lists = languages.map(({ name }) => readFileSync(join(folder, name, 'packages'), 'utf8'));
  return [...new Set(lists.flatMap((list) => list.split('\n').filter((line) => line !== '')))].sort();
}

export type BaseName = keyof typeof bases;

/** Changes whenever the content of the base would: part of the keys of images made from it. */
export function keyOfBase(name: BaseName): Promise<string> {
  const { variant, packages } = bases[name];
  return keyOfInputs([versions.debian, variant, ...packages]);
}

/** The path of this base as a tar archive, made with mmdebstrap when it is not in the cache. */
export async function obtainBase(name: BaseName, settings: Settings, progress: Progress): Promise<string> {
  const { variant, packages } = bases[name];
  const directory = await obtain(
    {
      title: `base image ${name} (Debian ${versions.debian}: ${packages.join(', ')})`,
      name: `base-${name}`,
      key: await keyOfBase(name),
      make: async (into, report) => {
        await ensurePrograms(imagePrerequisites, progress);
        report('mmdebstrap');
        const options = [`--variant=${variant}`, `--include=${packages.join(',')}`, '--quiet'];
        await runCommand('mmdebstrap', [...options, versions.debian, join(into, 'rootfs.tar')]);
      },
    },
    settings.cacheDirectory,
    progress,
  );
  return join(directory, 'rootfs.tar');
}
