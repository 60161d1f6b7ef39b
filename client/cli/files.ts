import { isUtf8 } from 'node:buffer';
import { existsSync, readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { UsageError } from './exitCodes';

/** Folders of installed or generated files, which are never submitted. */
const GENERATED_FOLDERS = new Set(['node_modules', '__pycache__']);

/** A file that marks its folder as a Python virtual environment, whatever the folder's name. */
const VIRTUAL_ENVIRONMENT_MARKER = 'pyvenv.cfg';

/** How many names are listed when files are left out. */
const MAX_LISTED_NAMES = 10;

export interface ProgramFiles {
  /** Text of each file by its name, with `/` between folders. */
  files: Record<string, string>;
  /** Names of the files and folders that were left out. A folder's name ends with a slash. */
  excluded: string[];
}

/** Reads a file, or the program in a folder. @throws UsageError */
export function readProgram(path: string): ProgramFiles {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new UsageError(`${path} does not exist.`);
  if (!stats.isDirectory()) return { files: { [basename(path)]: readText(path) }, excluded: [] };
  const files: [name: string, text: string][] = [];
  const excluded: string[] = [];
  readFolder(path, path, files, excluded);
  if (files.length === 0)
    throw new UsageError(`${path} holds no files to submit. ${excludedLine(excluded)}`.trim());
  return { files: Object.fromEntries(files), excluded };
}

/** A line that lists what was left out; empty if nothing was. */
export function excludedLine(names: string[]): string {
  if (names.length === 0) return '';
  const more = names.length > MAX_LISTED_NAMES ? ` and ${names.length - MAX_LISTED_NAMES} more` : '';
  return `Left out: ${names.slice(0, MAX_LISTED_NAMES).join(', ')}${more}.`;
}

function readFolder(root: string, folder: string, files: [string, string][], excluded: string[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const name = relative(root, path).split(sep).join('/');
    const reason = exclusionReason(path, entry);
    if (reason !== null) excluded.push(`${name}${entry.isDirectory() ? '/' : ''}${reason && ` (${reason})`}`);
    else if (entry.isDirectory()) readFolder(root, path, files, excluded);
    else {
      const bytes = readFileSync(path);
      if (isUtf8(bytes) && !bytes.includes(0)) files.push([name, bytes.toString('utf8')]);
      else excluded.push(`${name} (not text)`);
    }
  }
}

/** Why an entry is left out; empty if its name is self-explanatory. Null if it is submitted. */
function exclusionReason(path: string, entry: Dirent): string | null {
  if (entry.name.startsWith('.')) return '';
  if (entry.isDirectory()) {
    if (GENERATED_FOLDERS.has(entry.name)) return '';
    return existsSync(join(path, VIRTUAL_ENVIRONMENT_MARKER)) ? 'a virtual environment' : null;
  }
  return entry.isFile() ? null : 'not a regular file';
}

/** @throws UsageError */
export function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isUtf8(bytes)) throw new UsageError(`${path} is not text in UTF-8.`);
  return bytes.toString('utf8');
}
