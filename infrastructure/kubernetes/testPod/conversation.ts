import { PlatformError } from '../api/errors';
import type { Frame } from './frames';

/**
 * The supervisor sends an `alive` frame every second. If no frame arrives for this time, in milliseconds, the
 * stream is assumed to be dead: a connection can end without either side noticing.
 */
export const HEARTBEAT_TIMEOUT_MS = 10_000;

/** Types of frames that are the last of their conversation. */
const LAST = new Set<Frame['type']>(['end', 'error', 'input', 'read']);

/** No frame arrived for too long. */
export class HeartbeatTimeout extends PlatformError {
  /** @param everHeard whether any frame had arrived before */
  constructor(
    silenceMs: number,
    readonly everHeard: boolean,
  ) {
    super('Unavailable', `No frame from the test pod for ${silenceMs} ms`);
  }
}

/**
 * The exchange with the supervisor about one run: the frames that were received but not yet read, or the
 * failure after the last one.
 */
export class Conversation {
  private readonly frames: Frame[] = [];
  private failure: Error | null = null;
  private heard = false;
  private finished = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly silenceMs: number,
    readonly send: (frame: object) => void,
    /** Called with whether more frames are expected; returns false if the conversation was left before. */
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

  /** Ends the conversation. The run continues. */
  close(): void {
    this.leave(!this.finished);
    this.fail(new Error('The conversation is over.'));
  }

  /** Ends the conversation and closes its stream, which can no longer be trusted. */
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
