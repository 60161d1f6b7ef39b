/** Takes items of several producers, first come first served. A producer waits until its item was taken. */
export class Inbox<T> {
  private readonly offers: { item: T; taken: (open: boolean) => void }[] = [];
  private closed = false;
  private wake: () => void = () => undefined;

  /** Resolves when the item was taken; with false when nobody takes any more. */
  put(item: T): Promise<boolean> {
    if (this.closed) return Promise.resolve(false);
    return new Promise((taken) => {
      this.offers.push({ item, taken });
      this.wake();
    });
  }

  async take(): Promise<T> {
    for (;;) {
      const offer = this.offers.shift();
      if (offer) {
        offer.taken(true);
        return offer.item;
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  close(): void {
    this.closed = true;
    for (const { taken } of this.offers.splice(0)) taken(false);
  }
}
