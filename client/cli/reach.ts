import { setTimeout as wait } from 'node:timers/promises';
import { Unreachable } from '..';

/** In milliseconds: long enough for a gateway to restart, short enough for a mistyped address. */
const PATIENCE_MS = 4_000;
const PAUSE_MS = 200;

/** Resolves as soon as something answers at the address. @throws Unreachable that says what to do */
export async function reach(url: string, patienceMs = PATIENCE_MS): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs);
  for (;;) {
    try {
      await (await fetch(new URL('/healthz', url), { signal, redirect: 'manual' })).body?.cancel();
      return;
    } catch (error) {
      if (!signal.aborted) await wait(PAUSE_MS);
      if (signal.aborted)
        throw new Unreachable(
          `No gateway answers at ${url}. Start one with "npm start", or set ORCHESTRATION_URL to its address.`,
          { cause: error },
        );
    }
  }
}
