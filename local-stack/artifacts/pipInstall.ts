import { runCommand } from '../machine/command';

/** How long the package index may take, in milliseconds. */
const INSTALL_MS = 600_000;

/**
 * Installs Python packages into a folder, from the index that this machine's pip is configured for.
 * @param packages - requirements, and options of `pip install`
 * @throws Error with pip's output: the index cannot be reached, or a file does not have its pinned checksum
 */
export async function pipInstall(into: string, packages: readonly string[]): Promise<void> {
  const options = ['--quiet', '--disable-pip-version-check', '--no-compile', '--target', into];
  await runCommand('pip3', ['install', ...options, ...packages], { timeout: INSTALL_MS });
}
