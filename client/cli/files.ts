import { isUtf8 } from 'node:buffer';
import { existsSync, readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { UsageError } from './exitCodes';

/** Folders that hold what is installed or made, never what is submitted. */
const MADE = new Set(['node_modules', '__pycache__']);

/** Marks a folder as a Python virtual environment, whatever it is called. */
const VIRTUAL_ENVIRONMENT = 'pyvenv.cfg';

/** How many names a line lists. */
const NAMES = 10;

export interface ProgramFiles {
  /** Text by name, with `/` between folders. */
  files: Record<string, string>;
  /** Names of what the folder holds beside it; a folder's name ends with a slash. */
  leftOut: string[];
}

/** A file, or what of a folder is a program. @throws UsageError */
export function readProgram(path: string): ProgramFiles {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new UsageError(`${path} does not exist.`);
  if (!stats.isDirectory()) return { files: { [basename(path)]: textOf(path) }, leftOut: [] };
  const files: [name: string, text: string][] = [];
  const leftOut: string[] = [];
  readFolder(path, path, files, leftOut);
  if (files.length === 0)
    throw new UsageError(`${path} holds no files to submit. ${leftOutLine(leftOut)}`.trim());
  return { files: Object.fromEntries(files), leftOut };
}

/** One line for people; empty when nothing was left out. */
export function leftOutLine(names: string[]): string {
  if (names.length === 0) return '';
  const more = names.length > NAMES ? ` and ${names.length - NAMES} more` : '';
  return `Left out: ${names.slice(0, NAMES).join(', ')}${more}.`;
}

function readFolder(root: string, folder: string, files: [string, string][], leftOut: string[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const name = relative(root, path).split(sep).join('/');
    const why = whyLeftOut(path, entry);
    if (why !== null) leftOut.push(`${name}${entry.isDirectory() ? '/' : ''}${why && ` (${why})`}`);
    else if (entry.isDirectory()) readFolder(root, path, files, leftOut);
    else {
      const bytes = readFileSync(path);
      if (isUtf8(bytes) && !bytes.includes(0)) files.push([name, bytes.toString('utf8')]);
      else leftOut.push(`${name} (not text)`);
    }
  }
}

/** Null for what is submitted; an empty reason when the name says enough. */
function whyLeftOut(path: string, entry: Dirent): string | null {
  if (entry.name.startsWith('.')) return '';
  if (entry.isDirectory()) {
    if (MADE.has(entry.name)) return '';
    return existsSync(join(path, VIRTUAL_ENVIRONMENT)) ? 'a virtual environment' : null;
  }
  return entry.isFile() ? null : 'not a regular file';
}

/** @throws UsageError */
export function textOf(path: string): string {
  const bytes = readFileSync(path);
  if (!isUtf8(bytes)) throw new UsageError(`${path} is not text in UTF-8.`);
  return bytes.toString('utf8');
}
