import { z } from 'zod';
import { MOST } from './submissionRules';
import { isUnicode, text } from './schemaHelpers';

/** Files by their names. A name may contain subfolders, but must not lead out of the submission's folder. */
export function files() {
  return z
    .record(z.string(), text())
    .superRefine((value, context) => {
      const names = Object.keys(value);
      const say = (message: string, path: string[] = [], limit?: number) =>
        context.addIssue({ code: 'custom', message, path, params: { limit } });
      if (names.length === 0) say('must contain at least one file');
      if (names.length > MOST.files)
        return say(`has ${names.length} files, and the limit is ${MOST.files}`, [], MOST.files);
      const faults = names.flatMap((name) => {
        const fault = faultOfName(name);
        return fault ? [{ name, ...fault }] : [];
      });
      for (const { name, message, limit } of faults) say(message, [name], limit);
      if (faults.length > 0) return; // The check below requires names of limited length.
      const clash = fileAndFolder(names);
      if (clash !== undefined) say('is both a file and a folder', [clash]);
    })
    .describe(
      `Text of each file by its name, at most ${MOST.files}. Names are relative paths such as lib/x.py.`,
    );
}

function faultOfName(name: string): { message: string; limit?: number } | null {
  if (!isUnicode(name)) return { message: 'must be valid Unicode: it contains half of a surrogate pair' };
  if (/\p{Cc}/u.test(name)) return { message: 'must not contain control characters' };
  if (name.includes('\\')) return { message: 'must not contain a backslash: use "/" between folders' };
  if (Buffer.byteLength(name) > MOST.fileNameBytes)
    return { message: `must have at most ${MOST.fileNameBytes} bytes`, limit: MOST.fileNameBytes };
  const parts = name.split('/');
  if (parts.length > MOST.fileNameParts)
    return { message: `must have at most ${MOST.fileNameParts} parts`, limit: MOST.fileNameParts };
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    return { message: 'must be a relative path without empty parts, "." and ".."' };
  // Production gets its files from a ConfigMap, whose paths must not begin with "..".
  if (name.startsWith('..')) return { message: 'must not begin with ".."' };
  if (parts.some((part) => Buffer.byteLength(part) > MOST.fileNamePartBytes))
    return {
      message: `must have at most ${MOST.fileNamePartBytes} bytes in each part`,
      limit: MOST.fileNamePartBytes,
    };
  return null;
}

/**
 * A name that is also the folder of other names, as in `lib` and `lib/x.py`.
 * @param names valid names: time and memory grow with the number of parts times the length of a name
 */
export function fileAndFolder(names: string[]): string | undefined {
  const folders = new Set(names.flatMap(foldersOf));
  return names.find((name) => folders.has(name));
}

function foldersOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
