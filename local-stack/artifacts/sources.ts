import type { Progress } from '../machine/progress';
import { ChecksumError } from './download';
import { FailedDownloads } from './failedDownloads';

/** One way to obtain something. */
export interface Source<T> {
  title: string;
  /** The URL of a download, which is skipped when it failed recently. */
  url?: string;
  /** Returns undefined when the source is not available here, and throws when it should have worked. */
  find: () => Promise<T | undefined>;
}

/**
 * Returns the result of the first source that has one. A failed download is reported in one line, remembered,
 * and skipped. A wrong checksum is an error, and so is a failure of any other source.
 */
export async function firstThatWorks<T>(
  what: string,
  sources: readonly Source<T>[],
  { cacheDirectory, progress }: { cacheDirectory: string; progress: Progress },
): Promise<T> {
  const failed = new FailedDownloads(cacheDirectory);
  for (const source of sources) {
    if (source.url && failed.has(source.url)) continue;
    try {
      const found = await source.find();
      if (found !== undefined) return found;
    } catch (error) {
      if (!source.url || error instanceof ChecksumError) throw error;
      progress.say(`  ${what}: no ${source.title} (${(error as Error).message}); trying the next source`);
      await failed.add(source.url);
    }
  }
  throw new Error(`${what}: none of these worked: ${sources.map(({ title }) => title).join(', ')}.`);
}
