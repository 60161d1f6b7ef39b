import { setTimeout as wait } from 'node:timers/promises';

/** The longest outage of a server that the driver itself waits for, in milliseconds. */
const PATIENCE_MS = 120_000;

/** Retries while a server that the driver itself needs is unavailable. @throws the last failure */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await wait(500);
  }
}
