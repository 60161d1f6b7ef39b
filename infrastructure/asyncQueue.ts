/** Carries items from several producers to one consumer, in order; a producer waits while the queue is full. */
export class AsyncQueue<T> {
  private readonly items: { item: T; size: number }[] = [];
  private size = 0;
  private closed = false;
  private failure: Error | undefined;
  private wakeConsumer: () => void = () => undefined;
  private readonly waiting: (() => void)[] = [];

  /** @param capacity sizes that may wait together; one item always may */
  constructor(private readonly capacity: number) {}

  /** Resolves when there is room; with false when the queue is closed. */
  async put(item: T, size = 1): Promise<boolean> {
    while (!this.closed && this.items.length > 0 && this.size + size > this.capacity)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.closed) return false;
    this.items.push({ item, size });
    this.size += size;
    this.wakeConsumer();
    return true;
  }

  /** Ends it; with a failure, the consumer gets that after what waits. */
  close(failure?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.failure = failure;
    this.wakeConsumer();
    this.makeRoom();
  }

  /** Everything that is put, up to the end. */
  async *take(): AsyncGenerator<T> {
    for (;;) {
      const next = this.items.shift();
      if (next !== undefined) {
        this.size -= next.size;
        this.makeRoom();
        yield next.item;
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
