import { setTimeout as wait } from 'node:timers/promises';

/** Tries again and again. @throws what the last try threw, when the patience is over */
export async function eventually(holds: () => Promise<void>, patienceMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + patienceMs; ; await wait(200)) {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
