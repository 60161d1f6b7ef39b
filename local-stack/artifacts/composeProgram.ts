import { readFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';
import { goBuild } from './goBuild';

const MODULE = 'github.com/docker/compose/v2';

/** The path of Docker Compose: the program `docker-compose`, which is equivalent to `docker compose`. */
export async function composeProgram(settings: Settings, progress: Progress): Promise<string> {
  const directory = join(settings.checkout, 'local-stack', 'compose');
  const inputs = ['go.mod', 'go.sum'].map((name) => ({ name, path: join(directory, name) }));
  const version = versionIn(readFileSync(join(directory, 'go.mod'), 'utf8'));
  const linkerFlags = `-s -w -X ${MODULE}/internal.Version=${version}`;
  const made = await obtain(
    {
      title: `Docker Compose ${version} (Go build, once)`,
      name: 'compose',
      key: await keyOfInputs([linkerFlags, arch()], inputs),
      make: (into, report) =>
        goBuild({ directory, package: `${MODULE}/cmd`, linkerFlags }, join(into, 'docker-compose'), report),
    },
    settings.cacheDirectory,
    progress,
  );
  return join(made, 'docker-compose');
}

function versionIn(goMod: string): string {
  const version = new RegExp(`${MODULE} (v\\S+)`).exec(goMod)?.[1];
  if (version === undefined) throw new Error(`local-stack/compose/go.mod does not require ${MODULE}`);
  return version;
}
