import { runCommand } from '../machine/command';
import { ensurePrograms } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';

/** Reads an OpenAPI document and tries a server against it. */
const SCHEMATHESIS = 'schemathesis==4.32.5';

/** How long the package index may take, in milliseconds. */
const INSTALL_MS = 600_000;

/**
 * A folder of Python packages, for PYTHONPATH, that has schemathesis.
 * @throws Error when the package index cannot be reached
 */
export async function schemathesisPackages(settings: Settings, progress: Progress): Promise<string> {
  await ensurePrograms(
    [
      { program: 'python3', debianPackage: 'python3' },
      { program: 'pip3', debianPackage: 'python3-pip' },
    ],
    progress,
  );
  const python = await runCommand('python3', ['--version']);
  return obtain(
    {
      title: `${SCHEMATHESIS} (Python packages)`,
      name: 'schemathesis',
      key: await keyOfInputs([SCHEMATHESIS, python]),
      make: async (into) => {
        const options = ['--quiet', '--no-compile', '--target', into];
        await runCommand('pip3', ['install', ...options, SCHEMATHESIS], { timeout: INSTALL_MS });
      },
    },
    settings.cacheDirectory,
    progress,
  );
}
