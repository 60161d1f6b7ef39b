import { serialize } from 'node:v8';
import { DONE } from '../../infrastructure/linkedAbort';

/** Bytes of items that are kept for readers that join late or read slowly. */
const KEEP_BYTES = 4_194_304;

interface Shared<T> {
  /** The items so far, without those that were dropped to stay within the limit. */
  items: { item: T; bytes: number }[];
  dropped: number;
  bytes: number;
  end: { error: Error | null } | null;
  readers: number;
  waiting: Set<() => void>;
  stop: AbortController;
}

/**
 * Shares each stream among its readers, so that its source is read once. Each reader gets every item from the
 * first one on. The source starts with the first reader and stops with the last. If a slow reader's next item
 * was already dropped, it continues with its own source, from the first item again, and does not delay the
 * others.
 */
export class SharedStreams<T> {
  private readonly open = new Map<string, Shared<T>>();

  constructor(private readonly keepBytes = KEEP_BYTES) {}

  /**
   * @param name readers with the same name share a stream
   * @param begin opens the source; the signal ends it
   * @param again items that a slow reader gets before its own source yields everything again
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
        stream.stop.abort(DONE);
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
      this.forget(name, stream); // the next reader tries again
    }
    wakeAll(stream);
  }

  /** Keeps an item. A reader cannot join a stream whose first items were dropped. */
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
