import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Milliseconds after which a failed download is retried: one day. */
const rememberFor = 24 * 3600 * 1000;

/**
 * Remembers failed downloads, so that a machine without access does not retry them at every start. There is
 * one small file per download; its modification time is the time of the failure.
 * ORCHESTRATION_RETRY_DOWNLOADS=1 retries all.
 */
export class FailedDownloads {
  private readonly directory: string;

  constructor(
    cacheDirectory: string,
    private readonly environment: Record<string, string | undefined> = process.env,
  ) {
    this.directory = join(cacheDirectory, 'failed-downloads');
  }

  has(url: string, now = Date.now()): boolean {
    if (this.environment.ORCHESTRATION_RETRY_DOWNLOADS === '1') return false;
    const note = statSync(this.noteFor(url), { throwIfNoEntry: false });
    return note !== undefined && now - note.mtimeMs < rememberFor;
  }

  async add(url: string): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    await writeFile(this.noteFor(url), `${url}\n`);
  }

  private noteFor(url: string): string {
    return join(this.directory, createHash('sha256').update(url).digest('hex').slice(0, 16));
  }
}
