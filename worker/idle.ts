import type { Logger } from '../infrastructure/logging';
import { inBackground, type Background } from './background';

/** The pause between two sweeps, in milliseconds. */
const EVERY_MS = 60_000;

/**
 * Sweeps every minute until it is stopped. Several workers may do this at the same time. A failed sweep is
 * retried.
 * @param sweep returns what it scaled to zero or deleted
 */
export function sweepRegularly(
  sweep: () => Promise<string[]>,
  logger: Logger,
  everyMs = EVERY_MS,
): Background {
  return inBackground(async () => {
    try {
      const gone = await sweep();
      if (gone.length > 0) logger.info({ gone }, 'swept pods');
    } catch (error) {
      logger.warn({ err: error }, 'failed to sweep pods');
    }
    return false;
  }, everyMs);
}
