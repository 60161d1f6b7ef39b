import { runCommand } from '../machine/command';
import { ensurePrograms, pipPrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';
import { pipInstall } from './pipInstall';

/** Python packages that tests use, each in a separate folder. */
const REQUIREMENTS = {
  /** Tests a server against an OpenAPI document. */
  schemathesis: 'schemathesis==4.32.5',
  /** Generates a Python client from an OpenAPI document. */
  'openapi-python-client': 'openapi-python-client==0.29.1',
} as const;

/**
 * A folder of Python packages, for PYTHONPATH.
 * @throws Error when the package index cannot be reached
 */
export async function pythonPackages(
  name: keyof typeof REQUIREMENTS,
  settings: Settings,
  progress: Progress,
): Promise<string> {
  await ensurePrograms(pipPrerequisites, progress);
  const python = await runCommand('python3', ['--version']);
  const requirement = REQUIREMENTS[name];
  return obtain(
    {
      title: `${requirement} (Python packages)`,
      name,
      key: await keyOfInputs([requirement, python]),
      make: (into) => pipInstall(into, [requirement]),
    },
    settings.cacheDirectory,
    progress,
  );
}
