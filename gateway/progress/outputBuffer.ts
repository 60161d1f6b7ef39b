import type { OutputPlace } from '../protocol/cursor';
import type { LoggedOutput } from './executionFilter';
import { firstChunk, MAX_CHUNK_BYTES, STREAMS, withoutHalfCharacter, type Stream } from './chunks';
import type { LiveChunk } from './outputEmitter';

/** With this many bytes in the buffer, the log is not read until some were taken. */
const FULL_BYTES = 4 * MAX_CHUNK_BYTES;

interface Waiting {
  execution: string;
  step: string;
  again: boolean;
  /** Offset of the next byte to emit, and the bytes from there on. */
  streams: Record<Stream, { next: number; parts: Buffer[]; bytes: number }>;
}

/** Buffers output until it is emitted, and joins it into few, large chunks. */
export class OutputBuffer {
  private readonly executions: Waiting[] = [];
  private wake: () => void = () => undefined;
  private makeRoom: () => void = () => undefined;

  /** @param told the output that was emitted before */
  constructor(private readonly told: OutputPlace | null) {}

  /**
   * Adds output. Ignores bytes that were already emitted, and bytes after a gap, which cannot be emitted in
   * order.
   */
  add({ execution, step, again, stream, offset, data }: LoggedOutput): void {
    const waiting = this.waitingFor(execution, step, again).streams[stream];
    const end = waiting.next + waiting.bytes;
    const rest = offset <= end ? data.subarray(end - offset) : NOTHING;
    if (rest.length === 0) return;
    waiting.parts.push(rest);
    waiting.bytes += rest.length;
    this.wake();
  }

  /** Resolves when there is something to take. */
  async something(): Promise<void> {
    while (!this.executions.some((_, index) => this.hasPieces(index)))
      await new Promise<void>((resolve) => (this.wake = resolve));
  }

  /** Resolves when more may be added. */
  async room(): Promise<void> {
    while (this.bytes() >= FULL_BYTES) await new Promise<void>((resolve) => (this.makeRoom = resolve));
  }

  /** Takes at most one chunk of each stream, from the first execution that has any. */
  take(): LiveChunk[] {
    const index = this.executions.findIndex((_, each) => this.hasPieces(each));
    const waiting = this.executions[index];
    if (waiting === undefined) return [];
    const pieces = STREAMS.flatMap((stream) => this.takeFrom(waiting, stream, index));
    this.makeRoom();
    return pieces;
  }

  private takeFrom({ streams, ...execution }: Waiting, stream: Stream, index: number): LiveChunk[] {
    const waiting = streams[stream];
    const data = firstChunk(this.ready(waiting.parts, index));
    if (data.length === 0) return [];
    const all = Buffer.concat(waiting.parts).subarray(data.length);
    const offset = waiting.next;
    waiting.parts = all.length > 0 ? [all] : [];
    waiting.bytes = all.length;
    waiting.next += data.length;
    return [{ ...execution, stream, offset, data }];
  }

  private hasPieces(index: number): boolean {
    const { streams } = this.executions[index] ?? {};
    return STREAMS.some((stream) => this.ready(streams?.[stream].parts ?? [], index).length > 0);
  }

  /** An incomplete character waits for its remaining bytes, as long as the execution may continue. */
  private ready(parts: Buffer[], index: number): Buffer {
    const all = parts.length === 1 ? (parts[0] ?? NOTHING) : Buffer.concat(parts);
    return index < this.executions.length - 1 ? all : withoutHalfCharacter(all);
  }

  private bytes(): number {
    return this.executions.reduce((sum, { streams }) => sum + streams.stdout.bytes + streams.stderr.bytes, 0);
  }

  private waitingFor(execution: string, step: string, again: boolean): Waiting {
    const last = this.executions.at(-1);
    if (last?.execution === execution) return last;
    const told = this.told?.execution === execution ? this.told : { stdout: 0, stderr: 0 };
    const begin = (next: number) => ({ next, parts: [], bytes: 0 });
    const waiting = {
      ...{ execution, step, again },
      streams: { stdout: begin(told.stdout), stderr: begin(told.stderr) },
    };
    this.executions.push(waiting);
    return waiting;
  }
}

const NOTHING = Buffer.alloc(0);
