import { setTimeout as wait } from 'node:timers/promises';

/** Work beside the worker's own. */
export interface Background {
  /** Resolves when the step in progress has ended; no other one begins. */
  stop: () => Promise<void>;
}

/**
 * Repeats a step, with a pause after each, until it is done or stopped.
 * @param step returns whether it is done; must not reject
 */
export function inBackground(step: () => Promise<boolean>, pauseMs: number): Background {
  const over = new AbortController();
  const working = (async () => {
    while (!over.signal.aborted) {
      if (await step()) return;
      await wait(pauseMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: () => {
      over.abort();
      return working;
    },
  };
}
