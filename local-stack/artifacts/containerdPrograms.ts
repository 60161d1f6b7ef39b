import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { runCommand } from '../machine/command';
import { findProgram } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { versions } from '../versions';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';
import { download } from './download';
import { goBuild } from './goBuild';
import { firstThatWorks, type Source } from './sources';

/** The programs of containerd that run in the node: the server, its shim for runc, and its client. */
const programNames = ['containerd', 'containerd-shim-runc-v2', 'ctr'] as const;

/**
 * Returns the folder with the programs of containerd: those installed here in the right version, else downloaded,
 * else built.
 */
export function containerdPrograms(settings: Settings, progress: Progress): Promise<string> {
  return firstThatWorks(
    'containerd',
    [installed(), downloaded(settings, progress), built(settings, progress)],
    {
      cacheDirectory: settings.cacheDirectory,
      progress,
    },
  );
}

function installed(): Source<string> {
  return {
    title: 'installed here',
    find: async () => {
      const path = findProgram('containerd');
      if (!path) return undefined;
      const directory = dirname(path);
      if (!programNames.every((name) => findProgram(join(directory, name)))) return undefined;
      const version = await runCommand(path, ['--version']);
      return version.split(/\s+/).includes(`v${versions.containerd}`) ? directory : undefined;
    },
  };
}

function downloaded(settings: Settings, progress: Progress): Source<string> {
  const name = `containerd-static-${versions.containerd}-linux-${arch() === 'x64' ? 'amd64' : arch()}.tar.gz`;
  const url = `https://github.com/containerd/containerd/releases/download/v${versions.containerd}/${name}`;
  const file = { url, checksumUrl: `${url}.sha256sum`, algorithm: 'sha256' as const };
  return {
    title: 'official download',
    // The first URL that is requested. If it failed recently, this source is skipped.
    url: file.checksumUrl,
    find: async () =>
      obtain(
        {
          title: `containerd ${versions.containerd} (download)`,
          name: 'containerd-download',
          key: await keyOfInputs([url]),
          make: async (into, report) => {
            const archive = join(into, name);
            await download(file, archive, report);
            const members = programNames.map((program) => `bin/${program}`);
            const unpack = ['-xzf', archive, '-C', into, '--no-same-owner', '--strip-components=1'];
            await runCommand('tar', [...unpack, ...members]);
            await runCommand('rm', [archive]);
          },
        },
        settings.cacheDirectory,
        progress,
      ),
  };
}

function built(settings: Settings, progress: Progress): Source<string> {
  const directory = join(settings.checkout, 'local-stack', 'containerd');
  const linkerFlags = `-s -w -X github.com/containerd/containerd/v2/version.Version=v${versions.containerd}`;
  // Leaves out snapshotters and an exporter that the configuration does not use.
  const tags = 'no_btrfs no_devmapper no_zfs no_tracing';
  return {
    title: 'built from Go modules',
    find: async () => {
      const inputs = ['go.mod', 'go.sum'].map((name) => ({ name, path: join(directory, name) }));
      return obtain(
        {
          title: `containerd ${versions.containerd} (Go build, once; a minute or two)`,
          name: 'containerd',
          key: await keyOfInputs([linkerFlags, tags, arch()], inputs),
          make: async (into, report) => {
            for (const name of programNames) {
              const program = `github.com/containerd/containerd/v2/cmd/${name}`;
              await goBuild({ directory, package: program, linkerFlags, tags }, join(into, name), report);
            }
          },
        },
        settings.cacheDirectory,
        progress,
      );
    },
  };
}
