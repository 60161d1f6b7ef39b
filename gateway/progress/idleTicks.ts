/** Stands for a while in which a source yielded nothing. */
export const SILENCE = Symbol('silence');

/**
 * Passes on what a source yields, and `SILENCE` whenever it has been still for `ms`; the silence after a
 * silence lasts twice as long, up to `longestMs`.
 */
export async function* withSilences<T>(
  source: AsyncIterator<T>,
  { ms, longestMs }: { ms: number; longestMs: number },
): AsyncGenerator<T | typeof SILENCE> {
  try {
    for (;;) {
      const next = source.next();
      // Its failure is met below; until then a silence may be what the consumer is busy with.
      next.catch(() => undefined);
      let patience = ms;
      for (;;) {
        const result = await orSilence(next, patience);
        if (result !== SILENCE) {
          if (result.done) return;
          yield result.value;
          break;
        }
        yield SILENCE;
        patience = Math.min(patience * 2, longestMs);
      }
    }
  } finally {
    // Not awaited: a source that is waiting ends when its own signal says so.
    source.return?.().catch(() => undefined); // Its error has no reader any more.
  }
}

async function orSilence<T>(next: Promise<T>, ms: number): Promise<T | typeof SILENCE> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<typeof SILENCE>((resolve) => {
    timer = setTimeout(resolve, ms, SILENCE);
  });
  try {
    return await Promise.race([next, silence]);
  } finally {
    clearTimeout(timer);
  }
}
