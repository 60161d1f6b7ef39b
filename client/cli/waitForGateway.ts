import { setTimeout as wait } from 'node:timers/promises';
import { Unreachable } from '..';

/** How long to keep trying, in milliseconds: long enough for a gateway to restart, short for a mistyped address. */
const TIMEOUT_MS = 4_000;
const RETRY_DELAY_MS = 200;

/** Waits until any server answers at the address, with any status. @throws Unreachable if none does in time */
export async function waitForGateway(url: string, timeoutMs = TIMEOUT_MS): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  for (;;) {
    try {
      await (await fetch(new URL('/healthz', url), { signal, redirect: 'manual' })).body?.cancel();
      return;
    } catch (error) {
      if (!signal.aborted) await wait(RETRY_DELAY_MS);
      if (signal.aborted)
        throw new Unreachable(
          `No gateway answers at ${url}. Start one with "npm start", or set ORCHESTRATION_URL to its address.`,
          { cause: error },
        );
    }
  }
}
