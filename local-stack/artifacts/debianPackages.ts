import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { runCommand } from '../machine/command';
import { findProgram } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';

/**
 * Unpacks Debian packages into a folder without installing them, so this machine is not changed.
 * @param name - of the program, for display and as the name of the folder.
 * @param packages - including those of their dependencies that a machine may lack.
 * @throws Error when this is not Debian, or its packages cannot be downloaded
 */
export async function unpackedPackages(
  name: string,
  packages: readonly string[],
  settings: Settings,
  progress: Progress,
): Promise<string> {
  if (!findProgram('apt-get')) throw new Error(`there is no apt-get here to get ${name} with`);
  return obtain(
    {
      title: `${name} (Debian packages)`,
      name,
      // Packages of another release are not compatible with this one.
      key: await keyOfInputs([readFileSync('/etc/os-release', 'utf8'), ...packages]),
      make: async (into) => {
        const get = () => runCommand('apt-get', ['download', '-qq', ...packages], { cwd: into });
        await get().catch(async () => {
          await runCommand('apt-get', ['update', '-qq']);
          await get();
        });
        for (const file of await readdir(into)) {
          if (!file.endsWith('.deb')) continue;
          await runCommand('dpkg-deb', ['--extract', file, '.'], { cwd: into });
          await rm(`${into}/${file}`);
        }
      },
    },
    settings.cacheDirectory,
    progress,
  );
}
