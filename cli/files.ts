import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { UsageError } from './exitCodes';

/** Folders that hold what is installed or made, never what is submitted. */
const LEFT_OUT = new Set(['node_modules', '__pycache__']);

/** Text by name of a file, or of all files in a folder but hidden ones. @throws UsageError */
export function readProgram(path: string): Record<string, string> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new UsageError(`${path} does not exist.`);
  if (!stats.isDirectory()) return { [basename(path)]: textOf(path) };
  const files = [...filesIn(path)];
  if (files.length === 0) throw new UsageError(`${path} holds no files.`);
  return Object.fromEntries(files.map((file) => [relative(path, file).split(sep).join('/'), textOf(file)]));
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || LEFT_OUT.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile()) yield path;
  }
}

export function textOf(path: string): string {
  const bytes = readFileSync(path);
  if (!isUtf8(bytes)) throw new UsageError(`${path} is not text in UTF-8.`);
  return bytes.toString('utf8');
}
