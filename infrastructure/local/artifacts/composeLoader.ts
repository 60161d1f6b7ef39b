import { arch } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';
import { goBuild } from './goBuild';

/** The path of a program that does to a compose file what `docker compose config` does, with the same loader. */
export async function composeLoader(settings: Settings, progress: Progress): Promise<string> {
  const directory = join(settings.checkout, 'infrastructure', 'local', 'compose');
  const linkerFlags = '-s -w';
  const inputs = ['go.mod', 'go.sum', 'main.go'].map((name) => ({ name, path: join(directory, name) }));
  const made = await obtain(
    {
      title: "Docker Compose's loader (Go build, once)",
      name: 'compose-loader',
      key: await keyOfInputs([linkerFlags, arch()], inputs),
      make: (into, report) => goBuild({ directory, package: '.', linkerFlags }, join(into, 'load'), report),
    },
    settings.cacheDirectory,
    progress,
  );
  return join(made, 'load');
}
