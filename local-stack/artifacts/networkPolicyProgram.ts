import { arch } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { versions } from '../versions';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';
import { goBuild } from './goBuild';

/**
 * The program that enforces network policies: kube-router's controller, built from Go modules
 * (local-stack/networkPolicies/main.go).
 * @returns its path
 * @throws Error when it cannot be built here. The cluster also runs without it.
 */
export async function networkPolicyProgram(settings: Settings, progress: Progress): Promise<string> {
  const directory = join(settings.checkout, 'local-stack', 'networkPolicies');
  const linkerFlags = '-s -w';
  const inputs = ['go.mod', 'go.sum', 'main.go'].map((name) => ({ name, path: join(directory, name) }));
  const made = await obtain(
    {
      title: `kube-router ${versions.kubeRouter} (Go build, once; a minute or two)`,
      name: 'network-policies',
      key: await keyOfInputs([linkerFlags, arch()], inputs),
      make: (into, report) =>
        goBuild({ directory, package: '.', linkerFlags }, join(into, 'network-policies'), report),
    },
    settings.cacheDirectory,
    progress,
  );
  return join(made, 'network-policies');
}
