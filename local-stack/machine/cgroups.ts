import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const mountPoint = '/sys/fs/cgroup';

/** Creates a cgroup in every hierarchy: the kubelet expects it to exist. */
export async function makeCgroups(name: string): Promise<void> {
  await Promise.all(hierarchies().map((hierarchy) => mkdir(join(hierarchy, name), { recursive: true })));
}

/** Removes the cgroup with its descendants. Its processes have exited, but the kernel may notice it late. */
export async function removeCgroups(name: string): Promise<void> {
  await Promise.all(hierarchies().map((hierarchy) => removeTree(join(hierarchy, name))));
}

/** Version 2 has one hierarchy. Version 1 has one per controller, some of them mounted under two names. */
function hierarchies(): string[] {
  if (existsSync(join(mountPoint, 'cgroup.controllers'))) return [mountPoint];
  return readdirSync(mountPoint, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(mountPoint, entry.name));
}

async function removeTree(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  const children = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const child of children) await removeTree(join(directory, child.name));
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rmdir(directory);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === 100) throw error;
      await wait(20);
    }
  }
}
