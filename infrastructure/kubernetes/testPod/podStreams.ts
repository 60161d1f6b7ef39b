import { inSpan } from '../../telemetry/span';
import type { Kube } from '../api/client';
import { PlatformError } from '../api/errors';
import { Conversation, HEARTBEAT_TIMEOUT_MS } from './conversation';
import { openExecStream } from './execStream';
import type { ExecListener, ExecStream } from './execStream';

export interface PodStreamsSettings {
  /** After this time without a frame from the pod, its stream is assumed to be dead, in milliseconds. */
  silenceMs?: number;
  /** How long an unused stream stays open, in milliseconds: below the supervisor's 60 s. */
  idleMs?: number;
}

const IDLE_MS = 30_000;

/**
 * One exec stream to each test pod that is in use, shared by all runs there: for the API server and the
 * kubelet, opening one takes longer than most programs run. A stream is opened on demand, closed when idle,
 * and opened again after a failure.
 */
export class PodStreams {
  private readonly streams = new Map<string, PodStream>();

  constructor(
    private readonly kube: Kube,
    private readonly settings: PodStreamsSettings = {},
  ) {}

  /**
   * Starts a conversation with the supervisor of a user's test pod.
   * @throws PlatformError `EnvironmentMissing` when there is no pod, or nothing in the pod that could answer
   */
  async converse(userId: string): Promise<Conversation> {
    let stream = this.streams.get(userId);
    if (stream === undefined) {
      stream = new PodStream(this.kube, userId, this.settings, () => this.forget(userId, stream));
      this.streams.set(userId, stream);
    }
    return stream.converse();
  }

  get size(): number {
    return this.streams.size;
  }

  /** Closes all streams. Runs continue, and another worker can join them. */
  close(): void {
    for (const stream of this.streams.values()) stream.close(closedByUs());
  }

  private forget(userId: string, stream: PodStream | undefined): void {
    if (this.streams.get(userId) === stream) this.streams.delete(userId);
  }
}

function closedByUs(): PlatformError {
  return new PlatformError('Unavailable', 'The worker closed its stream to the test pod.');
}

class PodStream {
  private readonly conversations = new Map<string, Conversation>();
  private readonly opening: Promise<ExecStream>;
  private readonly silenceMs: number;
  private readonly idleMs: number;
  private idle: NodeJS.Timeout | undefined;
  private over = false;
  private opened = 0;

  constructor(
    kube: Kube,
    userId: string,
    { silenceMs = HEARTBEAT_TIMEOUT_MS, idleMs = IDLE_MS }: PodStreamsSettings,
    private readonly onOver: () => void,
  ) {
    this.silenceMs = silenceMs;
    this.idleMs = idleMs;
    const listener: ExecListener = {
      onFrame: (frame) => {
        const channel = 'channel' in frame ? frame.channel : null;
        if (channel != null) this.conversations.get(channel)?.push(frame);
        else for (const conversation of this.conversations.values()) conversation.push(frame);
      },
      onFailure: (error) => this.end(error),
    };
    this.opening = inSpan('open exec stream', {}, () => openExecStream(kube, userId, listener));
    // Callers of `converse` receive the failure; here the stream only has to be removed.
    this.opening.catch((error: Error) => this.end(error));
  }

  async converse(): Promise<Conversation> {
    clearTimeout(this.idle);
    const channel = String(this.opened++);
    const conversation: Conversation = new Conversation(
      this.silenceMs,
      (frame) => this.send({ ...frame, channel }),
      (unfinished) => this.leave(channel, unfinished),
      (error) => this.close(error),
    );
    this.conversations.set(channel, conversation);
    await this.opening;
    return conversation;
  }

  /** @param error the failure for the conversations that still use the stream */
  close(error: Error): void {
    if (this.over) return;
    this.end(error);
    void this.opening.then(
      (stream) => stream.close(),
      () => undefined,
    );
  }

  private send(frame: object): void {
    // If the stream could not be opened, its conversations receive that failure.
    void this.opening.then(
      (stream) => stream.send(frame),
      () => undefined,
    );
  }

  /** @returns false when the conversation was left before */
  private leave(channel: string, unfinished: boolean): boolean {
    if (!this.conversations.delete(channel)) return false;
    if (unfinished && !this.over) this.send({ op: 'leave', channel });
    if (this.conversations.size === 0 && !this.over)
      this.idle = setTimeout(() => this.close(closedByUs()), this.idleMs).unref();
    return true;
  }

  /** Removes this stream: the next conversation opens another. */
  private end(error: Error): void {
    this.over = true;
    clearTimeout(this.idle);
    this.onOver();
    for (const conversation of this.conversations.values()) conversation.fail(error);
  }
}
