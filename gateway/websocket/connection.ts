import { WebSocket, type RawData } from 'ws';
import { SpanKind, type Context } from '@opentelemetry/api';
import type { Logger } from '../../infrastructure/logging';
import { inSpan } from '../../infrastructure/telemetry/span';
import type { AuditEvent } from '../audit/audit';
import type { Cursor } from '../protocol/cursor';
import { detailsOf } from '../submissions/details';
import { errorFrame, type ErrorFrame } from '../protocol/errorFrame';
import { toErrorFrame } from '../submissions/errorFrames';
import { runGuarded } from '../errorBoundary';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import type { Quota } from '../auth/rateLimits';
import { CLOSE, type Limits } from '../limits';
import type { ClientMessage, ParseMessage } from '../protocol/clientMessages';
import type { Metrics } from '../metrics';
import { isFinal, type ServerFrame } from '../protocol/serverFrames';
import type { Submission, Submissions } from '../submissions/submissionService';
import { KeyedSequences } from './keyedSequences';

export interface SocketSettings {
  submissions: Submissions;
  parseMessage: ParseMessage;
  limits: Limits;
  /** The quota of the key, shared with its other connections. */
  quota: Quota;
  metrics: Metrics;
  /** Adds the connection's id to every line. */
  logger: Logger;
  /** Whether the client wants progress frames, or only one frame per submission. */
  progress: boolean;
  /** The trace of its submissions. If the client names none, each submission has a new one. */
  trace: Context;
  /** Records messages that change something. */
  audit?: (asked: Omit<AuditEvent, 'principal'>) => void;
}

/** Serves one client until its connection ends. Its submissions continue without it. */
export function serveSocket(socket: WebSocket, settings: SocketSettings): void {
  new ClientConnection(socket, settings).serve();
}

class ClientConnection {
  private readonly gone = new AbortController();
  /** Processes a submission, its input and its cancellation in the order in which they arrived. */
  private readonly sequences = new KeyedSequences();
  private inFlight = 0;
  private refusedInARow = 0;

  constructor(
    private readonly socket: WebSocket,
    private readonly settings: SocketSettings,
  ) {}

  serve(): void {
    const { metrics, logger } = this.settings;
    metrics.connected();
    this.socket.on('close', (code) => {
      this.gone.abort();
      metrics.disconnected();
      logger.info({ code, inFlight: this.inFlight }, 'client disconnected');
    });
    this.socket.on('message', (data: RawData, isBinary: boolean) => {
      this.guard(() => this.receive(data, isBinary));
    });
  }

  private guard(work: () => unknown): void {
    runGuarded(work, (error) => {
      this.settings.logger.error({ err: error }, 'failed to answer a message: closing its connection');
      this.socket.close(CLOSE.failed.code, CLOSE.failed.reason);
    });
  }

  private async receive(data: RawData, isBinary: boolean): Promise<void> {
    const { parseMessage, quota, metrics, logger } = this.settings;
    if (this.socket.readyState !== WebSocket.OPEN) return; // The client must reconnect elsewhere.
    metrics.received();
    if (this.isTooFast()) return;
    if (isBinary)
      return this.send(errorFrame('binary_not_supported', 'send the message as a text frame, in JSON'));
    const { message, error } = parseMessage(text(data));
    if (error) {
      logger.info({ code: error.code }, 'message refused'); // Field names come from the client.
      return this.send(error);
    }
    const refusal = this.beyondLimits(message);
    if (refusal) return this.send(refusal);
    const unfollow = quota.follow();
    if (!unfollow) return this.send(tooManyFollowed(quota.limits.followed, message));
    this.inFlight += 1;
    try {
      await this.answer(message);
    } finally {
      this.inFlight -= 1;
      unfollow();
    }
  }

  /** Refuses messages over the key's rate limit. Closes the connection of a client that does not stop. */
  private isTooFast(): boolean {
    const { quota, limits, logger } = this.settings;
    const wait = quota.takeMessage();
    this.refusedInARow = wait === 0 ? 0 : this.refusedInARow + 1;
    if (wait === 0) return false;
    if (this.refusedInARow > limits.maxRefusedMessages) {
      logger.warn('client sends beyond its rate and does not stop: closing its connection');
      this.socket.close(CLOSE.tooManyMessages.code, CLOSE.tooManyMessages.reason);
      return true;
    }
    const limit = quota.limits.messagesPerSecond;
    const frame = errorFrame('too_many_messages', `this key may send ${limit} messages a second`, {
      ...{ limit, retry_after_seconds: wait },
    });
    this.guard(() => this.send(frame));
    return true;
  }

  /**
   * The error frame for a message over the in-flight limit of the connection, or over the key's rate of
   * submissions.
   */
  private beyondLimits(message: ClientMessage): ErrorFrame | null {
    const { limits, quota } = this.settings;
    const submission_id = idOf(message);
    if (this.inFlight >= limits.maxInFlight) {
      const words = `wait for one of your ${this.inFlight} submissions to end`;
      return errorFrame('too_many_in_flight', words, { limit: limits.maxInFlight, submission_id });
    }
    const seconds = message.type === 'submit' ? quota.takeSubmission() : 0;
    if (seconds === 0) return null;
    const limit = quota.limits.submissionsPerMinute;
    const words = `this key may submit ${limit} times a minute`;
    return errorFrame('too_many_submissions', words, { limit, retry_after_seconds: seconds, submission_id });
  }

  /** Processes a message until the last frame of its answer was sent. */
  private async answer(message: ClientMessage): Promise<void> {
    const { submissions, limits } = this.settings;
    const { signal } = this.gone;
    const submission_id = idOf(message);
    const begun = performance.now();
    const logger = this.settings.logger.child({ submissionId: submission_id, operation: message.type });
    try {
      switch (message.type) {
        case 'submit':
          return await this.submitAndFollow(message.submission, logger, begun);
        case 'resume':
          return await this.follow(await submissions.find(message.submissionId), message.after, logger);
        case 'cancel': {
          const { submissionId } = message;
          const state = await this.sequences.run(submissionId, () => submissions.cancel(submissionId));
          logger.info({ state }, 'submission cancelled');
          this.audit(message, { details: { state } });
          return await this.send({ type: 'cancel', submission_id: submissionId, state });
        }
        case 'stdin': {
          const { submissionId, piece } = message;
          const state = await this.sequences.run(submissionId, () => submissions.input(submissionId, piece));
          this.audit(message, { details: state });
          return await this.send({ type: 'stdin', submission_id: submissionId, ...state });
        }
        case 'status': {
          const { submissionId } = message;
          const { callTimeoutMs } = limits;
          const settings = { waitMs: 0, callTimeoutMs, signal, logger };
          const submission = await detailsOf(submissions, submissionId, settings);
          return await this.send({ type: 'status', submission_id: submissionId, submission });
        }
        case 'list':
          return await this.send({ type: 'list', ...(await submissions.list(message.filter)) });
      }
    } catch (error) {
      if (signal.aborted) return logger.info({ err: error }, 'no longer followed');
      const frame = toErrorFrame(error, submission_id);
      if (frame.code === 'internal' || frame.code === 'unavailable')
        logger.error({ err: error, code: frame.code }, 'failed to handle a message');
      else logger.info({ code: frame.code }, 'message refused');
      this.audit(message, { error: frame });
      await this.send(frame);
    }
  }

  /** A span of the trace, from the message to the last frame that the client gets. */
  private submitAndFollow(submission: Submission, logger: Logger, begun: number): Promise<void> {
    const { submissionId } = submission;
    const attributes = { 'submission.id': submissionId };
    const span = { attributes, kind: SpanKind.SERVER, parent: this.settings.trace };
    return inSpan('submit', span, async () => {
      // Input for the submission may arrive right after it.
      const accepted = await this.sequences.run(submissionId, () => this.submit(submission, logger, begun));
      await this.follow(accepted, null, logger, begun);
    });
  }

  private async submit(submission: Submission, logger: Logger, begun: number): Promise<AcceptedSubmission> {
    const { submissions, metrics } = this.settings;
    const accepted = await submissions.submit(submission);
    metrics.accepted(performance.now() - begun);
    const { userId, workflowId, runId } = accepted;
    logger.info({ userId, workflowId, runId }, 'submission accepted');
    this.audit({ type: 'submit', submission }, { workflowId, runId });
    return accepted;
  }

  /** @param begun when the submit message arrived; undefined if there was none */
  private async follow(
    accepted: AcceptedSubmission,
    after: Cursor | null,
    logger: Logger,
    begun?: number,
  ): Promise<void> {
    const { submissions, metrics, progress } = this.settings;
    const { signal } = this.gone;
    const unfollowed = metrics.following();
    try {
      for await (const frame of submissions.follow(accepted, { progress, after, signal, logger })) {
        await this.send(frame);
        if (signal.aborted) return;
        if (isFinal(frame)) {
          const { status, reason, durations_ms: durationsMs } = frame;
          if (begun !== undefined) metrics.judged(status, performance.now() - begun);
          logger.info({ status, reason, durationsMs }, 'verdict sent');
        }
      }
    } finally {
      unfollowed();
    }
  }

  /** Records a message in the audit, unless it only reads. */
  private audit(message: ClientMessage, asked: Partial<AuditEvent>): void {
    if (READING.includes(message.type)) return;
    const userId = message.type === 'submit' ? message.submission.userId : undefined;
    this.settings.audit?.({ action: `api.${message.type}`, submissionId: idOf(message), userId, ...asked });
  }

  /** Resolves when the frame was sent, so that frames are built no faster than the client reads them. */
  private async send(frame: ServerFrame): Promise<void> {
    const { socket, settings } = this;
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > settings.limits.maxBufferedBytes) {
      const { bufferedAmount: bufferedBytes } = socket;
      settings.logger.warn({ bufferedBytes }, 'client does not read: closing its connection');
      settings.metrics.cutOff();
      this.gone.abort();
      return socket.close(CLOSE.slowClient.code, CLOSE.slowClient.reason);
    }
    settings.metrics.sent(frame);
    // If a frame cannot be written, the connection has ended: its close event follows.
    await new Promise<void>((resolve) => socket.send(JSON.stringify(frame), () => resolve()));
  }
}

function tooManyFollowed(limit: number, message: ClientMessage): ErrorFrame {
  const words = `wait for one of the ${limit} submissions of this key to end`;
  return errorFrame('too_many_in_flight', words, { limit, submission_id: idOf(message) });
}

/** Types of messages that change nothing. */
const READING: ClientMessage['type'][] = ['resume', 'status', 'list'];

/** The submission that a message is about, if it is about one. */
function idOf(message: ClientMessage): string | undefined {
  if (message.type === 'list') return undefined;
  return message.type === 'submit' ? message.submission.submissionId : message.submissionId;
}

/** A message arrives as one Buffer, because the server does not set `binaryType`. */
function text(data: RawData): string {
  return (data as Buffer).toString('utf8');
}
