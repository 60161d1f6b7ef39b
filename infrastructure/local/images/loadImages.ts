import { join } from 'node:path';
import { containerdPrograms } from '../artifacts/containerdPrograms';
import { runCommand } from '../machine/command';
import type { Progress } from '../machine/progress';
import { statePaths, type Settings } from '../settings';
import { imageNames, obtainImage, referencesOf, type AnyImage, type ImageReferences } from './projectImages';

/**
 * Gives the running container runtime the images of the checkout as it is now, building what changed.
 * @returns their names.
 */
export function loadImages(settings: Settings, progress: Progress): Promise<ImageReferences> {
  return load(imageNames, settings, progress);
}

/** The same with the images of the platform itself, for an installation in the cluster. */
export function loadPlatform(
  settings: Settings,
  progress: Progress,
): Promise<ImageReferences<'gateway' | 'worker'>> {
  return load(['gateway', 'worker'] as const, settings, progress);
}

async function load<Name extends AnyImage>(
  names: readonly Name[],
  settings: Settings,
  progress: Progress,
): Promise<ImageReferences<Name>> {
  const references = await referencesOf(names, settings);
  const common = ['--address', statePaths(settings).containerdSocket, '--namespace', 'k8s.io'];
  const client = join(await containerdPrograms(settings, progress), 'ctr');
  const ctr = (...args: string[]) => runCommand(client, [...common, ...args]);
  const present = new Set((await ctr('images', 'list', '--quiet')).split('\n'));
  await Promise.all(
    names
      .filter((name) => !present.has(references[name]))
      .map(async (name) => {
        const archive = await obtainImage(name, settings, progress);
        await progress.step(`loading image ${name}`, () => ctr('images', 'import', archive));
      }),
  );
  return references;
}
