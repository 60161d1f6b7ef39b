import { runCommand } from '../machine/command';

/** Timeout of an installation, in milliseconds. */
const INSTALL_MS = 600_000;

/**
 * Installs Python packages into a folder, from the index that pip is configured to use on this machine.
 * @param packages - requirements, and options of `pip install`
 * @throws Error with pip's output, when the index is unreachable or a file does not match its pinned checksum
 */
export async function pipInstall(into: string, packages: readonly string[]): Promise<void> {
  const options = ['--quiet', '--disable-pip-version-check', '--no-compile', '--target', into];
  await runCommand('pip3', ['install', ...options, ...packages], { timeout: INSTALL_MS });
}
