/**
 * Runs the work of each key one at a time, in the order in which it arrived. Different keys do not wait for
 * each other.
 */
export class KeyedSequences {
  private readonly last = new Map<string, Promise<void>>();

  /**
   * Runs the work when all earlier work of the key has ended, successfully or not.
   * @returns the result of the work
   */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const done = before.then(work);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    this.last.set(key, settled);
    try {
      return await done;
    } finally {
      if (this.last.get(key) === settled) this.last.delete(key);
    }
  }
}
