interface Entry<T> {
  item: T;
  size: number;
  /** Called with true when the consumer has finished with the item, with false if the queue closed first. */
  done: (open: boolean) => void;
}

/** A bounded, ordered queue with several producers and one consumer. Producers wait while it is full. */
export class AsyncQueue<T> {
  private readonly entries: Entry<T>[] = [];
  private current: Entry<T> | undefined;
  private size = 0;
  private closed = false;
  private failure: Error | undefined;
  private wakeConsumer: () => void = () => undefined;
  private readonly waiting: (() => void)[] = [];

  /**
   * @param capacity total size of the items that may wait; a single item is always accepted. With 0, `put`
   * also waits until the consumer has finished with the item, that is, until it asks for the next one.
   */
  constructor(private readonly capacity: number) {}

  /** Adds an item, after waiting for room. Resolves to false when the queue is closed. */
  async put(item: T, size = 1): Promise<boolean> {
    while (!this.closed && this.entries.length > 0 && this.size + size > this.capacity)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.closed) return false;
    const dealtWith = new Promise<boolean>((done) => this.entries.push({ item, size, done }));
    this.size += size;
    this.wakeConsumer();
    return this.capacity === 0 ? dealtWith : true;
  }

  /** Closes the queue. The consumer gets the waiting items; then `take` ends, or throws `failure`. */
  close(failure?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.failure = failure;
    this.current?.done(false);
    for (const { done } of this.entries) done(false);
    this.wakeConsumer();
    this.makeRoom();
  }

  /** Yields every item, until the queue is closed and empty. */
  async *take(): AsyncGenerator<T> {
    for (;;) {
      this.current?.done(true);
      this.current = this.entries.shift();
      if (this.current !== undefined) {
        this.size -= this.current.size;
        this.makeRoom();
        yield this.current.item;
      } else if (this.closed) {
        if (this.failure !== undefined) throw this.failure;
        return;
      } else await new Promise<void>((resolve) => (this.wakeConsumer = resolve));
    }
  }

  private makeRoom(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }
}
