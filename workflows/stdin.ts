import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  defineUpdate,
  isCancellation,
  proxyLocalActivities,
  setHandler,
} from '@temporalio/workflow';
import type { Activities } from '../activities';
import { activityOptions } from './activityOptions';
import { INPUT_LIMITS, INPUT_REFUSALS, INPUT_UPDATE, type InputPiece, type InputState } from './contract';

const { feedInput } = proxyLocalActivities<Activities>(activityOptions.feedInput);

const inputUpdate = defineUpdate<InputState, [InputPiece]>(INPUT_UPDATE);

/**
 * Sent by the activity `runTests` when a run begins, and when it reconnects to the run: the run's key, and how many
 * bytes of this input the run has (activities/input.ts).
 */
const inputRequested = defineSignal<[{ key: string; received: number }]>('inputWanted');

interface StoredPiece extends InputPiece {
  offset: number;
}

/** The run that reads the input. */
interface Reader {
  /** The run's key. */
  key: string;
  /** How many bytes of the input it has. */
  received: number;
  /** Whether it was informed that the input ends there. */
  eof: boolean;
}

/**
 * The input that clients send to a submission while its program runs. Each piece is stored in the workflow's
 * history. A run reports how many bytes it has when it begins, and when an activity reconnects to it; everything
 * after those is fed to it. So each run gets every byte once and in order, even if a worker dies in between.
 */
export class Stdin {
  private readonly pieces: StoredPiece[] = [];
  /** Bytes of all pieces. */
  private size = 0;
  /** Whether the last piece was the end of the input. */
  private eof = false;
  /** Null if no run is to be fed. */
  private reader: Reader | null = null;
  private closed = false;

  constructor(interactive: boolean) {
    setHandler(inputUpdate, (piece) => this.append(piece), {
      validator: (piece: InputPiece) => this.validate(piece, interactive),
    });
    if (!interactive) return;
    setHandler(inputRequested, ({ key, received }) => {
      this.reader = { key, received, eof: false };
    });
  }

  /** Feeds the run until `work` is done. */
  async feeding<T>(userId: string, work: () => Promise<T>): Promise<T> {
    const feeding = new CancellationScope();
    const done = feeding
      .run(() => this.feed(userId))
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
    try {
      return await work();
    } finally {
      feeding.cancel();
      this.reader = null;
      await done;
    }
  }

  /** Refuses new input from now on: no program is left to read it. */
  close(): void {
    this.closed = true;
  }

  private validate({ offset, bytes, data, eof }: InputPiece, interactive: boolean): void {
    if (!interactive)
      throw refusal(
        'notInteractive',
        'The submission is not interactive: its only input is the stdin in its request.',
      );
    const stored = this.pieces.find((piece) => piece.offset === offset && piece.bytes === bytes);
    if (stored && stored.data === data && stored.eof === eof) return;
    if (this.closed) throw refusal('over', 'The program has already exited.');
    if (this.eof) throw refusal('over', 'The input has already ended.');
    if (offset !== null && offset !== this.size)
      throw refusal('conflict', `offset must be ${this.size}, the end of the input so far`, this.size);
    if (this.size + bytes > INPUT_LIMITS.bytes)
      throw refusal(
        'tooMuch',
        `input is limited to ${INPUT_LIMITS.bytes} bytes in total`,
        INPUT_LIMITS.bytes,
      );
    if (this.pieces.length >= INPUT_LIMITS.pieces)
      throw refusal('tooMuch', `input is limited to ${INPUT_LIMITS.pieces} pieces`, INPUT_LIMITS.pieces);
  }

  private append(piece: InputPiece): InputState {
    const offset = piece.offset ?? this.size;
    if (offset === this.size && !this.eof) {
      this.pieces.push({ ...piece, offset });
      this.size += piece.bytes;
      this.eof = piece.eof;
    }
    return { received: this.size, eof: this.eof };
  }

  private async feed(userId: string): Promise<void> {
    for (;;) {
      await condition(() => this.isBehind());
      const { reader, size, eof } = this;
      if (reader === null) continue;
      const { key, received: offset } = reader;
      const pieces = this.pieces.filter((piece) => piece.offset >= offset).map(({ data }) => data);
      const result = await feedInput(userId, { key, offset, pieces, eof });
      // Another run may have begun meanwhile and reported its offset.
      if (this.reader !== reader) continue;
      // A run that is gone, or accepted nothing, is not fed again until it reports its offset. If it already had every
      // byte, only the end of the input was missing, which it has now.
      const progressed = result !== null && (result.received > offset || result.received === size);
      this.reader = progressed
        ? { key, received: result.received, eof: eof && result.received === size }
        : null;
    }
  }

  /** Whether the run has less than all input and its end. */
  private isBehind(): boolean {
    return this.reader !== null && (this.reader.received < this.size || (this.eof && !this.reader.eof));
  }
}

function refusal(type: keyof typeof INPUT_REFUSALS, message: string, limit?: number): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, INPUT_REFUSALS[type], limit);
}
