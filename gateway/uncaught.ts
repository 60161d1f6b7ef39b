import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../infrastructure/logging';
import { handleUncaught } from './errorBoundary';
import type { Metrics } from './metrics';

export interface UncaughtOptions {
  logger: Logger;
  metrics: Pick<Metrics, 'uncaught'>;
  /** Milliseconds from the first error until the process should be drained. */
  drainAfterMs?: number;
}

/**
 * One minute, so that Prometheus reads the counter before the process exits. It also limits restarts to one a
 * minute, even if a client can cause such an error at will.
 */
const DRAIN_AFTER_MS = 60_000;

/**
 * Keeps the process alive after an uncaught error, and ends the exchange that caused it. The state of the
 * process is then unknown, so it should be replaced, but gracefully.
 * @returns resolves when the process should be drained: some time after the first such error
 */
export function survivesUncaught({
  logger,
  metrics,
  drainAfterMs = DRAIN_AFTER_MS,
}: UncaughtOptions): Promise<void> {
  return new Promise((resolve) => {
    let met = false;
    const onUncaught = (error: unknown) => {
      metrics.uncaught();
      logger.fatal({ err: error, drainAfterMs }, 'uncaught error: draining the gateway');
      try {
        handleUncaught(error);
      } catch (another) {
        logger.error({ err: another }, 'failed to end the exchange of an uncaught error');
      }
      if (!met) void wait(drainAfterMs, undefined, { ref: false }).then(resolve);
      met = true;
    };
    process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught);
  });
}
