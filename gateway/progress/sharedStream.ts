import { serialize } from 'node:v8';

/** Bytes of what came that are kept for those who join or read slowly. */
const KEEP_BYTES = 4_194_304;

interface Shared<T> {
  /** What came, without what was dropped to keep within bounds. */
  items: { item: T; bytes: number }[];
  dropped: number;
  bytes: number;
  end: { error: Error | null } | null;
  readers: number;
  waiting: Set<() => void>;
  stop: AbortController;
}

/**
 * Streams that are read once for all who follow the same. Each reader gets every item from the first one on; the
 * source begins with the first reader and is stopped with the last. A reader that is so slow that what it needs is
 * no longer kept goes on with a source of its own, from the first item again, and holds nobody else up.
 */
export class SharedStreams<T> {
  private readonly open = new Map<string, Shared<T>>();

  constructor(private readonly keepBytes = KEEP_BYTES) {}

  /**
   * @param name equal for those who would read the same
   * @param begin opens the source; the signal ends it
   * @param again what a reader gets before its own source tells everything again
   */
  async *read(
    name: string,
    begin: (signal: AbortSignal) => AsyncIterable<T>,
    { signal, again = [] }: { signal: AbortSignal; again?: T[] },
  ): AsyncGenerator<T> {
    const stream = this.open.get(name) ?? this.begin(name, begin);
    let wake: () => void = () => undefined;
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    stream.readers += 1;
    try {
      for (let next = 0; !signal.aborted;) {
        if (next < stream.dropped) {
          yield* again;
          yield* begin(signal);
          return;
        }
        const kept = stream.items[next - stream.dropped];
        if (kept) {
          next += 1;
          yield kept.item;
          continue;
        }
        if (stream.end) {
          if (stream.end.error) throw stream.end.error;
          return;
        }
        await new Promise<void>((resolve) => stream.waiting.add((wake = resolve)));
        stream.waiting.delete(wake);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      stream.readers -= 1;
      if (stream.readers === 0) {
        this.forget(name, stream);
        stream.stop.abort();
      }
    }
  }

  private begin(name: string, begin: (signal: AbortSignal) => AsyncIterable<T>): Shared<T> {
    const stop = new AbortController();
    const state = { items: [], dropped: 0, bytes: 0, end: null, readers: 0 };
    const stream: Shared<T> = { ...state, waiting: new Set(), stop };
    this.open.set(name, stream);
    void this.pump(name, stream, begin);
    return stream;
  }

  private async pump(
    name: string,
    stream: Shared<T>,
    begin: (signal: AbortSignal) => AsyncIterable<T>,
  ): Promise<void> {
    try {
      for await (const item of begin(stream.stop.signal)) {
        this.keep(name, stream, item);
        wakeAll(stream);
      }
      stream.end = { error: null };
    } catch (error) {
      stream.end = { error: error instanceof Error ? error : new Error(String(error)) };
      this.forget(name, stream); // whoever comes next tries anew
    }
    wakeAll(stream);
  }

  /** Nobody joins a stream whose beginning is gone. */
  private keep(name: string, stream: Shared<T>, item: T): void {
    const bytes = serialize(item).length;
    stream.items.push({ item, bytes });
    stream.bytes += bytes;
    while (stream.bytes > this.keepBytes && stream.items.length > 1) {
      stream.bytes -= stream.items.shift()!.bytes;
      stream.dropped += 1;
      this.forget(name, stream);
    }
  }

  private forget(name: string, stream: Shared<T>): void {
    if (this.open.get(name) === stream) this.open.delete(name);
  }
}

function wakeAll({ waiting }: Shared<unknown>): void {
  for (const wake of waiting) wake();
  waiting.clear();
}
