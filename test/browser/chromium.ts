import { chromium, type Browser } from 'playwright-core';
import { ensurePrograms, findProgram } from '../../local-stack/machine/prerequisites';
import { Progress } from '../../local-stack/machine/progress';

/** Starts this machine's Chromium; installs Debian's when there is none, and reports that. */
export async function startChromium(): Promise<Browser> {
  await ensurePrograms([{ program: 'chromium', debianPackage: 'chromium' }], new Progress());
  const executablePath = findProgram('chromium');
  // Chromium's own sandbox does not start as root, and tests on the local stack run as root.
  return chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
}
