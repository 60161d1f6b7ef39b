import { join } from 'node:path';
import { obtain } from '../../local-stack/artifacts/cache';
import { keyOfInputs } from '../../local-stack/artifacts/checksum';
import { containerdPrograms } from '../../local-stack/artifacts/containerdPrograms';
import { elasticsearchHome } from '../../local-stack/artifacts/elasticsearchHome';
import { keyOfBase } from '../../local-stack/images/baseImages';
import { ImageBuilder } from '../../local-stack/images/imageBuilder';
import { runCommand } from '../../local-stack/machine/command';
import { ensurePrograms, imagePrerequisites } from '../../local-stack/machine/prerequisites';
import { Progress } from '../../local-stack/machine/progress';
import { readSettings, statePaths } from '../../local-stack/settings';

/** Builds an image of Elasticsearch, and loads it into the stack under the name in the manifest. */
export async function loadElasticsearchImage(reference: string): Promise<void> {
  const settings = readSettings();
  const archive = await elasticsearchImage(reference);
  const ctr = join(await containerdPrograms(settings, new Progress()), 'ctr');
  const target = ['--address', statePaths(settings).containerdSocket, '--namespace', 'k8s.io'];
  await runCommand(ctr, [...target, 'images', 'import', archive]);
}

/** The path of an image of Elasticsearch that is built here under a public name (docker-archive format). */
export async function elasticsearchImage(reference: string): Promise<string> {
  const settings = readSettings();
  const progress = new Progress();
  const home = await elasticsearchHome(settings, progress);
  const dockerfile = join(settings.checkout, 'local-stack/images/Dockerfile.elasticsearch');
  const directory = await obtain(
    {
      title: 'image elasticsearch (for a test)',
      name: 'image-elasticsearch',
      key: await keyOfInputs(
        [reference, home, await keyOfBase('java')],
        [{ name: 'Dockerfile', path: dockerfile }],
      ),
      make: async (into, report) => {
        await ensurePrograms(imagePrerequisites, progress);
        const archive = join(into, 'image.tar');
        const bases = { BASE_IMAGE: 'java' } as const;
        const build = { bases, usesNpm: false, dockerfile, context: home, reference, archive };
        await new ImageBuilder(settings, progress).build(build, report);
      },
    },
    settings.cacheDirectory,
    progress,
  );
  return join(directory, 'image.tar');
}
