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
const bases: Record<BaseName, Base> = {
  languages: { variant: 'minbase', packages: ['ca-certificates', ...languagePackages()] },
  database: { variant: 'minbase', packages: ['postgresql', 'postgresql-client'] },
  // For tests alone: Elasticsearch in a container.
  java: { variant: 'minbase', packages: ['curl', 'default-jre-headless'] },
  pause: { variant: 'extract', packages: ['busybox-static'] },
  // Debian's own Node is older than the SDKs take: the one that runs this, with its npm.
  node: { variant: 'minbase', packages: ['ca-certificates', 'libstdc++6'], withNode: true },
  // What that needs to run, and no more; there is no shell in it.
  runtime: { variant: 'extract', packages: ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6'] },
};

export type BaseName = 'languages' | 'database' | 'java' | 'pause' | 'node' | 'runtime';

interface Base {
  variant: 'minbase' | 'extract';
  packages: string[];
  withNode?: true;
}

/** What the languages of this checkout need, as their folders say. */
function languagePackages(): string[] {
  const folder = join(__dirname, '..', '..', 'languages');
  const languages = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const lists = languages.map(({ name }) => readFileSync(join(folder, name, 'packages'), 'utf8'));
  return [...new Set(lists.flatMap((list) => list.split('\n').filter((line) => line !== '')))].sort();
}

/** Changes whenever the content of the base would: part of the keys of images made from it. */
export function keyOfBase(name: BaseName): Promise<string> {
  const { variant, packages, withNode } = bases[name];
  return keyOfInputs([versions.debian, variant, ...packages, ...(withNode ? [process.version] : [])]);
}

/** The path of this base as a tar archive, made with mmdebstrap when it is not in the cache. */
export async function obtainBase(name: BaseName, settings: Settings, progress: Progress): Promise<string> {
  const { variant, packages, withNode } = bases[name];
  const directory = await obtain(
    {
      title: `base image ${name} (Debian ${versions.debian}: ${packages.join(', ')})`,
      name: `base-${name}`,
      key: await keyOfBase(name),
      make: async (into, report) => {
        await ensurePrograms(imagePrerequisites, progress);
        report('mmdebstrap');
        const options = [`--variant=${variant}`, `--include=${packages.join(',')}`, '--quiet'];
        if (withNode) options.push(...(await nodeHooks()));
        await runCommand('mmdebstrap', [...options, versions.debian, join(into, 'rootfs.tar')]);
      },
    },
    settings.cacheDirectory,
    progress,
  );
  return join(directory, 'rootfs.tar');
}

/** Put Node and npm of this machine where the public image of Node has them. */
async function nodeHooks(): Promise<string[]> {
  const modules = (await runCommand('npm', ['root', '--global'])).trim();
  return [
    'mkdir -p "$1/usr/local/bin" "$1/usr/local/lib/node_modules"',
    `cp -L ${process.execPath} "$1/usr/local/bin/node"`,
    `cp -r ${join(modules, 'npm')} "$1/usr/local/lib/node_modules/npm"`,
    'ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"',
  ].map((command) => `--customize-hook=${command}`);
}
