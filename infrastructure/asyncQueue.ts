interface Entry<T> {
  item: T;
  size: number;
  /** Called when the item was dealt with, or with false when the queue was closed before. */
  done: (open: boolean) => void;
}

/** Carries items from several producers to one consumer, in order; a producer waits while the queue is full. */
export class AsyncQueue<T> {
  private readonly entries: Entry<T>[] = [];
  private current: Entry<T> | undefined;
  private size = 0;
  private closed = false;
  private failure: Error | undefined;
  private wakeConsumer: () => void = () => undefined;
  private readonly waiting: (() => void)[] = [];

  /**
   * @param capacity sizes that may wait together; one item always may. With 0, a producer also waits until its item was
   *   dealt with, which is when the next one is asked for.
   */
  constructor(private readonly capacity: number) {}

  /** Resolves when there is room; with false when the queue is closed. */
  async put(item: T, size = 1): Promise<boolean> {
    while (!this.closed && this.entries.length > 0 && this.size + size > this.capacity)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.closed) return false;
    const dealtWith = new Promise<boolean>((done) => this.entries.push({ item, size, done }));
    this.size += size;
    this.wakeConsumer();
    return this.capacity === 0 ? dealtWith : true;
  }

  /** Ends it; with a failure, the consumer gets that after what waits. */
  close(failure?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.failure = failure;
    this.current?.done(false);
    for (const { done } of this.entries) done(false);
    this.wakeConsumer();
    this.makeRoom();
  }

  /** Everything that is put, up to the end. */
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
