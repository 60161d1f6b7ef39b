import { setTimeout as wait } from 'node:timers/promises';

/** Retries until it succeeds. @throws the last error, after `timeoutMs` milliseconds */
export async function eventually(holds: () => Promise<void>, timeoutMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; ; await wait(200)) {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
