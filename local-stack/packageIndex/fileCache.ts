import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectFile } from './project';
import { UpstreamError } from './upstream';

/** Maximum size of the cache on disk, in bytes; the least recently used file is deleted first. */
const MAX_BYTES = 2 * 1024 * 1024 * 1024;

/** Caches files of packages by their SHA-256, so no index can serve other content under the same name. */
export class FileCache {
  private readonly fetching = new Map<string, Promise<string>>();

  constructor(
    private readonly directory: string,
    private readonly fetchFile: (file: ProjectFile) => Promise<Buffer[]>,
  ) {}

  /** The path of a file's content, which is downloaded when it is not in the cache. */
  async path(file: ProjectFile): Promise<string> {
    const path = join(this.directory, file.sha256);
    if (existsSync(path)) {
      await utimes(path, new Date(), new Date());
      return path;
    }
    const fetching = this.fetching.get(file.sha256) ?? this.fetch(file, path);
    this.fetching.set(file.sha256, fetching);
    return fetching.finally(() => this.fetching.delete(file.sha256));
  }

  private async fetch(file: ProjectFile, path: string): Promise<string> {
    const pieces = await this.fetchFile(file);
    const hash = createHash('sha256');
    for (const piece of pieces) hash.update(piece);
    if (hash.digest('hex') !== file.sha256)
      throw new UpstreamError(502, `${file.url} is not what its index says: its SHA-256 is another`);
    await mkdir(this.directory, { recursive: true });
    // Checkouts and stacks share the cache: write atomically, so that concurrent writers are safe.
    const unfinished = `${path}.${process.pid}`;
    await writeFile(unfinished, pieces);
    await rename(unfinished, path);
    await this.makeRoom();
    return path;
  }

  private async makeRoom(): Promise<void> {
    const names = await readdir(this.directory);
    const files = await Promise.all(
      names.map(async (name) => {
        const path = join(this.directory, name);
        const { size, mtimeMs } = await stat(path);
        return { path, size, mtimeMs };
      }),
    );
    let size = files.reduce((sum, file) => sum + file.size, 0);
    for (const oldest of files.sort((one, other) => one.mtimeMs - other.mtimeMs)) {
      if (size <= MAX_BYTES) return;
      await rm(oldest.path, { force: true });
      size -= oldest.size;
    }
  }
}
