/** Yielded in place of a value when a source was idle for a while. */
export const IDLE_TICK = Symbol('idle tick');

/**
 * Yields what a source yields, and `IDLE_TICK` whenever it was idle for `ms`. The wait for each further tick
 * doubles, up to `longestMs`.
 */
export async function* withIdleTicks<T>(
  source: AsyncIterator<T>,
  { ms, longestMs }: { ms: number; longestMs: number },
): AsyncGenerator<T | typeof IDLE_TICK> {
  try {
    for (;;) {
      const next = source.next();
      // A failure is handled below. Until then, the consumer may still be busy with an idle tick.
      next.catch(() => undefined);
      let pauseMs = ms;
      for (;;) {
        const result = await orIdleTick(next, pauseMs);
        if (result !== IDLE_TICK) {
          if (result.done) return;
          yield result.value;
          break;
        }
        yield IDLE_TICK;
        pauseMs = Math.min(pauseMs * 2, longestMs);
      }
    }
  } finally {
    // Not awaited: a source that is waiting ends when its own signal is aborted.
    source.return?.().catch(() => undefined); // Nothing handles its error any more.
  }
}

async function orIdleTick<T>(next: Promise<T>, ms: number): Promise<T | typeof IDLE_TICK> {
  let timer: NodeJS.Timeout | undefined;
  const tick = new Promise<typeof IDLE_TICK>((resolve) => {
    timer = setTimeout(resolve, ms, IDLE_TICK);
  });
  try {
    return await Promise.race([next, tick]);
  } finally {
    clearTimeout(timer);
  }
}
