interface Offer<T> {
  item: T;
  /** Called when the item was dealt with, or with false when nobody takes any more. */
  done: (open: boolean) => void;
}

/**
 * Takes items of several producers, first come first served. A producer waits until its item was dealt with,
 * which is when the next one is asked for.
 */
export class AsyncQueue<T> {
  private readonly offers: Offer<T>[] = [];
  private current: Offer<T> | undefined;
  private closed = false;
  private wake: () => void = () => undefined;

  /** Resolves when the item was dealt with; with false when nobody takes any more. */
  put(item: T): Promise<boolean> {
    if (this.closed) return Promise.resolve(false);
    return new Promise((done) => {
      this.offers.push({ item, done });
      this.wake();
    });
  }

  async take(): Promise<T> {
    this.current?.done(true);
    this.current = undefined;
    for (;;) {
      this.current = this.offers.shift();
      if (this.current) return this.current.item;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  close(): void {
    this.closed = true;
    this.current?.done(false);
    for (const { done } of this.offers.splice(0)) done(false);
  }
}
