import type { Progress } from '../machine/progress';
import { ChecksumError } from './download';
import { FailedDownloads } from './failedDownloads';

/** One way to come by something. */
export interface Source<T> {
  title: string;
  /** Set for a download: when it failed lately, it is passed over. */
  url?: string;
  /** Undefined when there is nothing here. Throws when it should have worked. */
  find: () => Promise<T | undefined>;
}

/**
 * What the first source that has it gives. A download that cannot be had is passed over with one line and
 * remembered; one with a wrong checksum is an error, and so is a failure of any other source.
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
