import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';

/** Kernel settings of the whole machine that a kubelet changes. The ones it sets for networking are the node's own. */
const changedByKubelet = [
  '/proc/sys/vm/overcommit_memory',
  '/proc/sys/vm/panic_on_oom',
  '/proc/sys/kernel/panic',
  '/proc/sys/kernel/panic_on_oops',
  '/proc/sys/kernel/keys/root_maxkeys',
  '/proc/sys/kernel/keys/root_maxbytes',
];

/** Notes the values of now, unless a crashed stack left a note: then the values of now are not the machine's own. */
export async function saveSysctls(note: string): Promise<void> {
  if (existsSync(note)) return;
  const present = changedByKubelet.filter((path) => existsSync(path));
  const values = await Promise.all(
    present.map(async (path) => [path, (await readFile(path, 'utf8')).trim()] as const),
  );
  await writeFile(note, JSON.stringify(Object.fromEntries(values), null, 1));
}

/** Puts back what was noted. */
export async function restoreSysctls(note: string): Promise<void> {
  if (!existsSync(note)) return;
  const values = JSON.parse(await readFile(note, 'utf8')) as Record<string, string>;
  for (const [path, value] of Object.entries(values)) await writeFile(path, value);
  await rm(note);
}
