import { arch } from 'node:os';
import { join } from 'node:path';
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

/** The path of the `temporal` program, which holds server, Web UI and CLI: installed, downloaded or built. */
export function temporalProgram(settings: Settings, progress: Progress): Promise<string> {
  return firstThatWorks(
    'Temporal',
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
      const path = findProgram('temporal');
      if (!path) return undefined;
      const version = await runCommand(path, ['--version']);
      return version.includes(`version ${versions.temporalCli} `) ? path : undefined;
    },
  };
}

function downloaded(settings: Settings, progress: Progress): Source<string> {
  const name = `temporal_cli_${versions.temporalCli}_linux_${arch() === 'x64' ? 'amd64' : arch()}.tar.gz`;
  const base = `https://github.com/temporalio/cli/releases/download/v${versions.temporalCli}`;
  const file = { url: `${base}/${name}`, checksumUrl: `${base}/checksums.txt`, algorithm: 'sha256' as const };
  return {
    title: 'official download',
    url: file.checksumUrl,
    find: async () => {
      const directory = await obtain(
        {
          title: `Temporal CLI ${versions.temporalCli} (download)`,
          name: 'temporal-download',
          key: await keyOfInputs([file.url]),
          make: async (into, report) => {
            const archive = join(into, name);
            await download(file, archive, report);
            await runCommand('tar', ['-xzf', archive, '-C', into, '--no-same-owner', 'temporal']);
            await runCommand('rm', [archive]);
          },
        },
        settings.cacheDirectory,
        progress,
      );
      return join(directory, 'temporal');
    },
  };
}

function built(settings: Settings, progress: Progress): Source<string> {
  const directory = join(settings.checkout, 'infrastructure', 'local', 'temporal');
  const program = { directory, package: 'github.com/temporalio/cli/cmd/temporal', linkerFlags: '-s -w' };
  return {
    title: 'built from Go modules',
    find: async () => {
      const inputs = ['go.mod', 'go.sum'].map((name) => ({ name, path: join(directory, name) }));
      const made = await obtain(
        {
          title: `Temporal CLI ${versions.temporalCli} (Go build, once; some minutes)`,
          name: 'temporal',
          key: await keyOfInputs([program.package, program.linkerFlags, arch()], inputs),
          make: (into, report) => goBuild(program, join(into, 'temporal'), report),
        },
        settings.cacheDirectory,
        progress,
      );
      return join(made, 'temporal');
    },
  };
}
