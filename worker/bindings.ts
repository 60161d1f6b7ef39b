import type { Logger } from '../infrastructure/logging';
import { inBackground, type Background } from './background';

/** The pause after a failed attempt, in milliseconds. */
const RETRY_MS = 30_000;

/**
 * Calls `bind` until it succeeds or is stopped. The worker starts meanwhile, even if the API server is
 * unavailable: a submission binds its user's namespace itself.
 * @param bind returns the namespaces that it changed
 */
export function bindOnce(bind: () => Promise<string[]>, logger: Logger, retryMs = RETRY_MS): Background {
  return inBackground(async () => {
    try {
      const namespaces = await bind();
      if (namespaces.length > 0) logger.info({ namespaces }, 'created RoleBindings in namespaces of users');
      return true;
    } catch (error) {
      logger.warn({ err: error }, 'failed to create RoleBindings in namespaces of users: trying again');
      return false;
    }
  }, retryMs);
}
