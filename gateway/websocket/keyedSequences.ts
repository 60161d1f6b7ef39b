/** Carries out what is asked for one key in the order in which it came, one at a time; other keys do not wait. */
export class KeyedSequences {
  private readonly last = new Map<string, Promise<void>>();

  /** @returns the result of the work. It begins when all work before it for the same key has ended, however it ended. */
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
