import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';

export type Algorithm = 'sha256' | 'sha512';

/** The checksum of a file's content, in hexadecimal. */
export async function checksumOfFile(path: string, algorithm: Algorithm = 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** All regular files below a folder, as sorted relative paths. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * A short key (16 hexadecimal digits) for the inputs of a build: equal inputs give the same key, and any
 * changed byte, file name or text gives another.
 * @param files - absolute paths; only their content and the given name count, not their location.
 */
export async function keyOfInputs(
  texts: readonly string[],
  files: readonly { name: string; path: string }[] = [],
): Promise<string> {
  const hash = createHash('sha256');
  const add = (part: string | Buffer) => {
    hash.update(`${Buffer.byteLength(part)}:`);
    hash.update(part);
  };
  texts.forEach(add);
  for (const file of files) {
    add(file.name);
    add(await readFile(file.path));
  }
  return hash.digest('hex').slice(0, 16);
}
