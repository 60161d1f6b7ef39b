import { PlatformError } from '../api/errors';
import type { Frame } from './frames';

/**
 * The supervisor says every second that it is alive. After this time without a word the stream is taken for
 * dead, in milliseconds: connections can end without anybody being told.
 */
export const SILENCE_MS = 10_000;

/** Types of frames after which none comes of their conversation. */
const LAST = new Set<Frame['type']>(['end', 'error', 'input', 'read']);

/** Nothing came for too long. */
export class HeartbeatTimeout extends PlatformError {
  /** @param everHeard whether something had come before */
  constructor(
    silenceMs: number,
    readonly everHeard: boolean,
  ) {
    super('Unavailable', `The test pod said nothing for ${silenceMs} ms`);
  }
}

/** What the supervisor says of one run: frames that have come and are not taken yet, or the failure after the last. */
export class Conversation {
  private readonly frames: Frame[] = [];
  private failure: Error | null = null;
  private heard = false;
  private finished = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly silenceMs: number,
    readonly send: (frame: object) => void,
    /** Given whether the supervisor still has something to say; tells false when it had left before. */
    private readonly leave: (unfinished: boolean) => boolean,
    private readonly giveUpStream: (error: Error) => void,
  ) {}

  push(frame: Frame): void {
    this.heard = true;
    this.finished ||= LAST.has(frame.type);
    this.frames.push(frame);
    this.wake();
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }

  /** The next frame. Throws `Unavailable`, such as {@link HeartbeatTimeout}, or `EnvironmentMissing` when no more can come. */
  async next(): Promise<Frame> {
    for (;;) {
      const frame = this.frames.shift();
      if (frame !== undefined) return frame;
      if (this.failure !== null) throw this.failure;
      await this.somethingOrSilence();
    }
  }

  /** Ends the conversation. The run goes on. */
  close(): void {
    this.leave(!this.finished);
    this.fail(new Error('The conversation is over.'));
  }

  /** Ends it because what came, or did not come, cannot be trusted: nobody shall use this stream any more. */
  abandon(error: Error): void {
    if (this.leave(false)) this.giveUpStream(error);
  }

  private somethingOrSilence(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.fail(new HeartbeatTimeout(this.silenceMs, this.heard)),
        this.silenceMs,
      );
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
