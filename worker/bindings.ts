import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../infrastructure/logging';

/** The pause after a failed attempt, in milliseconds. */
const RETRY_MS = 30_000;

/**
 * Calls `bind` until it succeeds or is stopped. The worker starts meanwhile, even if the API server is
 * unavailable: a submission binds its user's namespace itself.
 * @param bind returns the namespaces that it changed
 */
export function bindOnce(
  bind: () => Promise<string[]>,
  logger: Logger,
  retryMs = RETRY_MS,
): { stop: () => Promise<void> } {
  const over = new AbortController();
  const binding = (async () => {
    while (!over.signal.aborted) {
      try {
        const namespaces = await bind();
        if (namespaces.length > 0) logger.info({ namespaces }, 'created RoleBindings in namespaces of users');
        return;
      } catch (error) {
        logger.warn({ err: error }, 'failed to create RoleBindings in namespaces of users: trying again');
      }
      await wait(retryMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: () => {
      over.abort();
      return binding;
    },
  };
}
