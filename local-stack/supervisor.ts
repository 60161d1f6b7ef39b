import { setTimeout as wait } from 'node:timers/promises';
import { linkedAbort } from '../infrastructure/linkedAbort';
import { startAndWait } from './part';
import type { ServerPart } from './parts/serverPart';

/** How many times in a row a server that dies is restarted before the stack gives up. */
const mostRestarts = 5;
/** Milliseconds before the first restart; doubled for each further one. */
const firstPause = 500;
/** Milliseconds of uptime after which earlier restarts are no longer counted. */
const forgetAfter = 60_000;

/** Milliseconds between two checks whether a running server still works, and how many must fail in a row. */
const lookEvery = 15_000;
const mostFailures = 3;

/** What supervision of a server needs from the stack. */
export interface SupervisionOptions {
  say: (line: string) => void;
  /** Called when the server is ready again, with a new pid. */
  restarted: () => void;
  /** Aborted when the stack stops. */
  stopping: AbortSignal;
  /** Milliseconds between two checks whether it still works; for tests. */
  lookEvery?: number;
}

/**
 * Restarts a running server when it dies, up to 5 times in a row. A server that hangs is killed first.
 * @returns a promise that rejects when it gives up, and resolves when the stack stops.
 */
export async function keepRunning(part: ServerPart, watching: SupervisionOptions): Promise<void> {
  const { say, restarted, stopping } = watching;
  let restarts = 0;
  for (;;) {
    const since = Date.now();
    const over = linkedAbort([stopping]);
    void killWhenStuck(part, watching, over.signal);
    const death = await Promise.race([part.exitedUnexpectedly(), aborted(stopping)]);
    over.abort();
    if (death === undefined || stopping.aborted) return;
    if (Date.now() - since > forgetAfter) restarts = 0;
    restarts += 1;
    if (restarts > mostRestarts) throw death.error;
    say(`${death.obituary}. Starting it again (${restarts} of ${mostRestarts})`);
    if (await pauseOrAbort(firstPause * 2 ** (restarts - 1), stopping)) return;
    try {
      await startAndWait(part);
      restarted();
      say(`${part.name} runs again`);
    } catch (error) {
      // If it died during the start, the next iteration handles that.
      if (!part.died) throw error;
    }
  }
}

async function killWhenStuck(
  part: ServerPart,
  watching: SupervisionOptions,
  over: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!(await pauseOrAbort(watching.lookEvery ?? lookEvery, over))) {
    failures = (await part.works()) ? 0 : failures + 1;
    if (failures < mostFailures || over.aborted) continue;
    watching.say(`${part.name} runs, but does not work any more`);
    part.kill();
    return;
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** True when the stack was stopped meanwhile. */
async function pauseOrAbort(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  await wait(milliseconds, undefined, { ref: false, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return signal.aborted;
}
