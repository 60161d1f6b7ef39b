import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const mountPoint = '/sys/fs/cgroup';

/** Makes a cgroup in every hierarchy: the kubelet wants to find it. */
export async function makeCgroups(name: string): Promise<void> {
  await Promise.all(hierarchies().map((hierarchy) => mkdir(join(hierarchy, name), { recursive: true })));
}

/** Removes it with all below. The processes in it are gone; the kernel may take a moment to notice. */
export async function removeCgroups(name: string): Promise<void> {
  await Promise.all(hierarchies().map((hierarchy) => removeTree(join(hierarchy, name))));
}

/** Version 2 has one hierarchy; version 1 has one a controller, some of them mounted together under two names. */
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
