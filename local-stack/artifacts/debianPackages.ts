import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { runCommand } from '../machine/command';
import { findProgram } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';

/**
 * A folder into which Debian packages are unpacked: nothing is installed, and this machine keeps what it has.
 * @param name - of the program, for people and as the name of the folder.
 * @param packages - with those that they depend on, as far as a machine may not have them.
 * @throws Error when this is no Debian, or its packages cannot be reached
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
      // Packages of another release do not fit this one.
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
