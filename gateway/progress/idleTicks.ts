/** Stands for a while in which a source yielded nothing. */
export const IDLE_TICK = Symbol('idle tick');

/**
 * Passes on what a source yields, and `IDLE_TICK` whenever it yielded nothing for `ms`; the next tick comes after
 * twice as long, up to `longestMs`.
 */
export async function* withIdleTicks<T>(
  source: AsyncIterator<T>,
  { ms, longestMs }: { ms: number; longestMs: number },
): AsyncGenerator<T | typeof IDLE_TICK> {
  try {
    for (;;) {
      const next = source.next();
      // Its failure is met below; until then an idle tick may be what the consumer is busy with.
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
    // Not awaited: a source that is waiting ends when its own signal says so.
    source.return?.().catch(() => undefined); // Its error has no reader any more.
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
