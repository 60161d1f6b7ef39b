import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';

/** Machine-wide kernel settings that a kubelet changes. Those for networking are in the node's namespace. */
const changedByKubelet = [
  '/proc/sys/vm/overcommit_memory',
  '/proc/sys/vm/panic_on_oom',
  '/proc/sys/kernel/panic',
  '/proc/sys/kernel/panic_on_oops',
  '/proc/sys/kernel/keys/root_maxkeys',
  '/proc/sys/kernel/keys/root_maxbytes',
];

/** Saves the current values, unless a crashed stack left a file: then the current ones are not original. */
export async function saveSysctls(note: string): Promise<void> {
  if (existsSync(note)) return;
  const present = changedByKubelet.filter((path) => existsSync(path));
  const values = await Promise.all(
    present.map(async (path) => [path, (await readFile(path, 'utf8')).trim()] as const),
  );
  await writeFile(note, JSON.stringify(Object.fromEntries(values), null, 1));
}

/** Restores the saved values. */
export async function restoreSysctls(note: string): Promise<void> {
  if (!existsSync(note)) return;
  const values = JSON.parse(await readFile(note, 'utf8')) as Record<string, string>;
  for (const [path, value] of Object.entries(values)) await writeFile(path, value);
  await rm(note);
}
