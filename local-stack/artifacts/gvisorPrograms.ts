import { arch } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { versions } from '../versions';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';
import { goBuild } from './goBuild';

/** Paths of gVisor's programs. */
export interface GvisorPrograms {
  /** The shim, which containerd starts for each pod. */
  shim: string;
  /** The sandbox. */
  runsc: string;
}

/**
 * gVisor, built from Go modules: its published shim does not start without CAP_SYS_RESOURCE, so this project
 * builds its own (local-stack/gvisor/main.go).
 * @throws Error when it cannot be built here. The cluster also runs without it.
 */
export async function gvisorPrograms(settings: Settings, progress: Progress): Promise<GvisorPrograms> {
  const directory = join(settings.checkout, 'local-stack', 'gvisor');
  const linkerFlags = `-s -w -X gvisor.dev/gvisor/runsc/version.version=release-${versions.gvisor}`;
  const inputs = ['go.mod', 'go.sum', 'main.go'].map((name) => ({ name, path: join(directory, name) }));
  const programs = { 'containerd-shim-runsc-v1': '.', runsc: 'gvisor.dev/gvisor/runsc' };
  const made = await obtain(
    {
      title: `gVisor ${versions.gvisor} (Go build, once; a minute or two)`,
      name: 'gvisor',
      key: await keyOfInputs([linkerFlags, arch()], inputs),
      make: async (into, report) => {
        for (const [name, program] of Object.entries(programs))
          await goBuild({ directory, package: program, linkerFlags }, join(into, name), report);
      },
    },
    settings.cacheDirectory,
    progress,
  );
  return { shim: join(made, 'containerd-shim-runsc-v1'), runsc: join(made, 'runsc') };
}
