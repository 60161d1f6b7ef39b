import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { obtain } from '../artifacts/cache';
import { keyOfInputs } from '../artifacts/checksum';
import { nodeProgram } from '../artifacts/nodeProgram';
import { runCommand } from '../machine/command';
import { ensurePrograms, imagePrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { olderPostgresql, versions } from '../versions';

/**
 * Root file systems for images when no image registry can be reached, built from Debian packages. They
 * replace the public images that the Dockerfiles use by default.
 */
const bases: Record<BaseName, Base> = {
  languages: { variant: 'minbase', packages: languagePackages() },
  database: { variant: 'minbase', packages: [`postgresql-${versions.postgresql}`] },
  'database-15': { suite: olderPostgresql['15'], variant: 'minbase', packages: ['postgresql-15'] },
  // Only for tests: Elasticsearch in a container.
  java: { variant: 'minbase', packages: ['curl', 'default-jre-headless'] },
  pause: { variant: 'extract', packages: ['busybox-static'] },
  // Debian's own Node is not a long-lived LTS: use the official program, with this machine's npm.
  node: { variant: 'minbase', packages: ['ca-certificates', 'libstdc++6'], withNode: true },
  // Only what Node needs to run; it contains no shell.
  runtime: { variant: 'extract', packages: ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6'] },
};

export type BaseName = 'languages' | 'database' | 'database-15' | 'java' | 'pause' | 'node' | 'runtime';

interface Base {
  /** Name of a Debian release, when it differs from that of the other bases. */
  suite?: string;
  variant: 'minbase' | 'extract';
  packages: string[];
  withNode?: true;
}

/** The Debian packages that the languages of this checkout need, from their folders. */
function languagePackages(): string[] {
  const folder = join(__dirname, '..', '..', 'sandbox', 'languages');
  const languages = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const lists = languages.map(({ name }) => readFileSync(join(folder, name, 'packages'), 'utf8'));
  return [...new Set(lists.flatMap((list) => list.split('\n').filter((line) => line !== '')))].sort();
}

/** A key that changes with the content of the base: part of the keys of images built on it. */
export function keyOfBase(name: BaseName): Promise<string> {
  const { suite = versions.debian, variant, packages, withNode } = bases[name];
  return keyOfInputs([suite, variant, ...packages, ...(withNode ? [versions.node] : [])]);
}

/** The path of this base as a tar archive, built with mmdebstrap when it is not in the cache. */
export async function obtainBase(name: BaseName, settings: Settings, progress: Progress): Promise<string> {
  const { suite = versions.debian, variant, packages, withNode } = bases[name];
  const directory = await obtain(
    {
      title: `base image ${name} (Debian ${suite}: ${packages.join(', ')})`,
      name: `base-${name}`,
      key: await keyOfBase(name),
      make: async (into, report) => {
        await ensurePrograms(imagePrerequisites, progress);
        report('mmdebstrap');
        const options = [`--variant=${variant}`, `--include=${packages.join(',')}`, '--quiet'];
        if (withNode) options.push(...(await nodeHooks(settings, progress)));
        await runCommand('mmdebstrap', [...options, suite, join(into, 'rootfs.tar')]);
      },
    },
    settings.cacheDirectory,
    progress,
  );
  return join(directory, 'rootfs.tar');
}

/** Hooks that install Node, and this machine's npm, at the paths of Node's public image. */
async function nodeHooks(settings: Settings, progress: Progress): Promise<string[]> {
  const modules = (await runCommand('npm', ['root', '--global'])).trim();
  return [
    'mkdir -p "$1/usr/local/bin" "$1/usr/local/lib/node_modules"',
    `cp ${await nodeProgram(settings, progress)} "$1/usr/local/bin/node"`,
    `cp -r ${join(modules, 'npm')} "$1/usr/local/lib/node_modules/npm"`,
    'ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"',
  ].map((command) => `--customize-hook=${command}`);
}
