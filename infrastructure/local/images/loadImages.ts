import { join } from 'node:path';
import { containerdPrograms } from '../artifacts/containerdPrograms';
import { runCommand } from '../machine/command';
import type { Progress } from '../machine/progress';
import { statePaths, type Settings } from '../settings';
import { imageNames, imageReferences, obtainImage, type ImageReferences } from './projectImages';

/**
 * Gives the running container runtime the images of the checkout as it is now, building what changed.
 * @returns their names.
 */
export async function loadImages(settings: Settings, progress: Progress): Promise<ImageReferences> {
  const references = await imageReferences(settings);
  const common = ['--address', statePaths(settings).containerdSocket, '--namespace', 'k8s.io'];
  const client = join(await containerdPrograms(settings, progress), 'ctr');
  const ctr = (...args: string[]) => runCommand(client, [...common, ...args]);
  const present = new Set((await ctr('images', 'list', '--quiet')).split('\n'));
  await Promise.all(
    imageNames
      .filter((name) => !present.has(references[name]))
      .map(async (name) => {
        const archive = await obtainImage(name, settings, progress);
        await progress.step(`loading image ${name}`, () => ctr('images', 'import', archive));
      }),
  );
  return references;
}
