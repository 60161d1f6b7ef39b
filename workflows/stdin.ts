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
const inputWanted = defineSignal<[{ key: string; received: number }]>('inputWanted');

interface Taken extends InputPiece {
  offset: number;
}

/**
 * The input that clients send to a submission while its program runs. Each piece is stored in the workflow's
 * history. A run reports how many bytes it has when it begins, and when an activity reconnects to it; everything
 * after those is fed to it. So each run gets every byte once and in order, even if a worker dies in between.
 */
export class Stdin {
  private readonly taken: Taken[] = [];
  private received = 0;
  private eof = false;
  /**
   * The run to feed, how many bytes it has, and whether it was told that the input ends; null if there is none to
   * feed.
   */
  private wanted: { key: string; received: number; eof: boolean } | null = null;
  private over = false;

  constructor(interactive: boolean) {
    setHandler(inputUpdate, (piece) => this.take(piece), {
      validator: (piece: InputPiece) => this.check(piece, interactive),
    });
    if (!interactive) return;
    setHandler(inputWanted, ({ key, received }) => {
      this.wanted = { key, received, eof: false };
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
      this.wanted = null;
      await done;
    }
  }

  /** From now on, new input is refused: no program is left to read it. */
  end(): void {
    this.over = true;
  }

  private check({ offset, bytes, data, eof }: InputPiece, interactive: boolean): void {
    if (!interactive) throw refusal('notInteractive', 'the submission did not ask for input while it runs');
    const known = this.taken.find((piece) => piece.offset === offset && piece.bytes === bytes);
    if (known && known.data === data && known.eof === eof) return;
    if (this.over) throw refusal('over', 'the program has ended');
    if (this.eof) throw refusal('over', 'the input has ended');
    if (offset !== null && offset !== this.received)
      throw refusal(
        'conflict',
        `offset must be ${this.received}, where the input so far ends`,
        this.received,
      );
    if (this.received + bytes > INPUT_LIMITS.bytes)
      throw refusal('tooMuch', `input may have ${INPUT_LIMITS.bytes} bytes in all`, INPUT_LIMITS.bytes);
    if (this.taken.length >= INPUT_LIMITS.pieces)
      throw refusal('tooMuch', `input may come in ${INPUT_LIMITS.pieces} pieces`, INPUT_LIMITS.pieces);
  }

  private take(piece: InputPiece): InputState {
    const offset = piece.offset ?? this.received;
    if (offset === this.received && !this.eof) {
      this.taken.push({ ...piece, offset });
      this.received += piece.bytes;
      this.eof = piece.eof;
    }
    return { received: this.received, eof: this.eof };
  }

  private async feed(userId: string): Promise<void> {
    for (;;) {
      await condition(() => this.isMissing());
      const { wanted } = this;
      if (wanted === null) continue;
      const { key, received: offset } = wanted;
      const pieces = this.taken.filter((piece) => piece.offset >= offset).map(({ data }) => data);
      const { received, eof } = this;
      const place = await feedInput(userId, { key, offset, pieces, eof });
      // Another run may have begun meanwhile and reported its offset.
      if (this.wanted !== wanted) continue;
      // A run that is gone, or took nothing, is not fed again until it reports its offset. If it already had every
      // byte, only the end of the input was missing, which it has now.
      const took = place !== null && (place.received > offset || place.received === received);
      this.wanted = took ? { key, received: place.received, eof: eof && place.received === received } : null;
    }
  }

  private isMissing(): boolean {
    return this.wanted !== null && (this.wanted.received < this.received || (this.eof && !this.wanted.eof));
  }
}

function refusal(type: keyof typeof INPUT_REFUSALS, message: string, limit?: number): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, INPUT_REFUSALS[type], limit);
}
