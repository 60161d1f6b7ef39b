import { existsSync, readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Files left by Python and editors, which are never part of an image. */
const ignored = /(^|\/)(__pycache__|node_modules|\.git)(\/|$)|\.pyc$/;

/**
 * The files of the build context that a Dockerfile copies, sorted by name.
 * @throws Error with the line, when it copies a missing file or has a form that is not supported.
 */
export async function contextFiles(
  dockerfile: string,
  context: string,
): Promise<{ name: string; path: string }[]> {
  const names = new Set<string>();
  for (const source of copiedSources(readFileSync(dockerfile, 'utf8'))) {
    const path = join(context, source);
    if (!existsSync(path)) throw new Error(`${dockerfile} copies ${source}, which is not in ${context}.`);
    if (statSync(path).isFile()) names.add(source);
    else for (const file of await filesIn(path)) names.add(join(source, file));
  }
  return [...names].sort().map((name) => ({ name, path: join(context, name) }));
}

/** The sources of every COPY and ADD that takes from the build context, in order. */
export function copiedSources(dockerfile: string): string[] {
  const lines = dockerfile.replace(/\\\r?\n/g, ' ').split('\n');
  return lines
    .filter((line) => /^\s*(COPY|ADD)\s/i.test(line))
    .flatMap((line) => {
      const words = line.trim().split(/\s+/).slice(1);
      if (words.some((word) => word.startsWith('--from='))) return [];
      const places = words.filter((word) => !word.startsWith('--'));
      const unreadable = places.find((place) => /[[\]*?$"']/.test(place) || place.startsWith('<<'));
      if (unreadable)
        throw new Error(`Cannot tell which files this copies, because of ${unreadable}: ${line.trim()}`);
      return places.slice(0, -1);
    });
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true });
  return entries.filter((name) => !ignored.test(name) && statSync(join(directory, name)).isFile());
}
