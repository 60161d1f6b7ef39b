import { WebSocket, type RawData } from 'ws';
import { SpanKind, type Context } from '@opentelemetry/api';
import type { Logger } from '../../infrastructure/logging';
import { inSpan } from '../../infrastructure/telemetry/span';
import type { Asked } from '../audit/audit';
import type { Cursor } from '../protocol/cursor';
import { detailsOf } from '../submissions/details';
import { errorFrame } from '../protocol/errorFrame';
import { toErrorFrame } from '../submissions/errorFrames';
import { guarded } from '../errorBoundary';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import type { Quota } from '../auth/rateLimits';
import { CLOSE, type Limits } from '../limits';
import type { ClientMessage, ParseMessage } from '../protocol/clientMessages';
import type { Metrics } from '../metrics';
import { isFinal, type ServerFrame } from '../protocol/serverFrames';
import type { Submission, Submissions } from '../submissions/submissionService';

export interface SocketSettings {
  submissions: Submissions;
  parseMessage: ParseMessage;
  limits: Limits;
  /** Of the key, shared with its other connections. */
  quota: Quota;
  metrics: Metrics;
  /** Names the connection in every line. */
  logger: Logger;
  /** Whether the client wants progress frames, or one frame a submission. */
  progress: boolean;
  /** The trace that its submissions belong to; a new one for each when it names none. */
  trace: Context;
  /** Notes what was asked and changes something. */
  audit?: (asked: Omit<Asked, 'principal'>) => void;
}

/** Serves one client until its connection ends. Its submissions go on without it. */
export function serveSocket(socket: WebSocket, settings: SocketSettings): void {
  const { submissions, parseMessage, limits, quota, metrics, logger, progress, trace, audit } = settings;
  const gone = new AbortController();
  let inFlight = 0;
  let refusedInARow = 0;
  const inputs = new Map<string, Promise<void>>();
  metrics.connected();

  socket.on('close', (code) => {
    gone.abort();
    metrics.disconnected();
    logger.info({ code, inFlight }, 'client gone');
  });
  const onFailure = (error: unknown) => {
    logger.error({ err: error }, 'a message could not be answered: closing its connection');
    socket.close(CLOSE.failed.code, CLOSE.failed.reason);
  };
  socket.on('message', (data: RawData, isBinary: boolean) => {
    guarded(() => receive(data, isBinary), onFailure);
  });

  async function receive(data: RawData, isBinary: boolean): Promise<void> {
    if (socket.readyState !== WebSocket.OPEN) return; // told to come back elsewhere
    metrics.received();
    if (isTooFast()) return;
    if (isBinary)
      return send(errorFrame('binary_not_supported', 'send the message as a text frame, in JSON'));
    const { message, error } = parseMessage(text(data));
    if (error) {
      logger.info({ code: error.code }, 'message refused'); // the field's name is the client's own text
      return send(error);
    }
    if (inFlight >= limits.maxInFlight)
      return send(
        errorFrame('too_many_in_flight', `wait for one of your ${inFlight} submissions to end`, {
          limit: limits.maxInFlight,
          submission_id: idOf(message),
        }),
      );
    const beyond = message.type === 'submit' ? quota.submission() : 0;
    if (beyond > 0) {
      const limit = quota.limits.submissionsPerMinute;
      return send(
        errorFrame('too_many_submissions', `this key may submit ${limit} times a minute`, {
          ...{ limit, retry_after_seconds: beyond, submission_id: idOf(message) },
        }),
      );
    }
    const unfollow = quota.follow();
    if (!unfollow) {
      const limit = quota.limits.followed;
      return send(
        errorFrame('too_many_in_flight', `wait for one of the ${limit} submissions of this key to end`, {
          ...{ limit, submission_id: idOf(message) },
        }),
      );
    }
    inFlight += 1;
    try {
      await answer(message);
    } finally {
      inFlight -= 1;
      unfollow();
    }
  }

  /** A submission, the input for it and its cancellation go on in the order in which they came, one at a time. */
  async function inOrder<T>(submissionId: string, work: () => Promise<T>): Promise<T> {
    const before = inputs.get(submissionId) ?? Promise.resolve();
    const done = before.then(work);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    inputs.set(submissionId, settled);
    try {
      return await done;
    } finally {
      if (inputs.get(submissionId) === settled) inputs.delete(submissionId);
    }
  }

  /** Tells a client that sends faster than its key may; one that does not listen is closed. */
  function isTooFast(): boolean {
    const wait = quota.message();
    refusedInARow = wait === 0 ? 0 : refusedInARow + 1;
    if (wait === 0) return false;
    if (refusedInARow > limits.maxRefusedMessages) {
      logger.warn('client goes on beyond its rate: closing its connection');
      socket.close(CLOSE.tooManyMessages.code, CLOSE.tooManyMessages.reason);
      return true;
    }
    const limit = quota.limits.messagesPerSecond;
    const frame = errorFrame('too_many_messages', `this key may send ${limit} messages a second`, {
      ...{ limit, retry_after_seconds: wait },
    });
    guarded(() => send(frame), onFailure);
    return true;
  }

  /** Carries out a message, to the last frame of its answer. */
  async function answer(message: ClientMessage): Promise<void> {
    const submission_id = idOf(message);
    const begun = performance.now();
    const log = logger.child({ submissionId: submission_id, operation: message.type });
    try {
      switch (message.type) {
        case 'submit':
          return await submitAndFollow(message.submission, log, begun);
        case 'resume':
          return await follow(await submissions.find(message.submissionId), message.after, log);
        case 'cancel': {
          const { submissionId } = message;
          const state = await inOrder(submissionId, () => submissions.cancel(submissionId));
          log.info({ state }, 'submission cancelled');
          note(message, { details: { state } });
          return await send({ type: 'cancel', submission_id: message.submissionId, state });
        }
        case 'stdin': {
          const { submissionId, piece } = message;
          const state = await inOrder(submissionId, () => submissions.input(submissionId, piece));
          note(message, { details: state });
          return await send({ type: 'stdin', submission_id: submissionId, ...state });
        }
        case 'status': {
          const { submissionId } = message;
          const { callTimeoutMs } = limits;
          const settings = { waitMs: 0, callTimeoutMs, signal: gone.signal, logger: log };
          const submission = await detailsOf(submissions, submissionId, settings);
          return await send({ type: 'status', submission_id: submissionId, submission });
        }
        case 'list':
          return await send({ type: 'list', ...(await submissions.list(message.filter)) });
      }
    } catch (error) {
      if (gone.signal.aborted) return log.info({ err: error }, 'no longer followed');
      const frame = toErrorFrame(error, submission_id);
      if (frame.code === 'internal' || frame.code === 'unavailable')
        log.error({ err: error, code: frame.code }, 'message could not be carried out');
      else log.info({ code: frame.code }, 'message refused');
      note(message, { error: frame });
      await send(frame);
    }
  }

  /** One step of the trace, from the message to the last frame that the client gets. */
  function submitAndFollow(submission: Submission, log: Logger, begun: number): Promise<void> {
    const attributes = { 'submission.id': submission.submissionId };
    return inSpan('submit', { attributes, kind: SpanKind.SERVER, parent: trace }, async () =>
      // Input for it may come right behind it.
      follow(
        await inOrder(submission.submissionId, () => submit(submission, log, begun)),
        ...([null, log, begun] as const),
      ),
    );
  }

  /** Notes a message in the audit, unless it only reads. */
  function note(message: ClientMessage, asked: Partial<Asked>): void {
    if (READING.includes(message.type)) return;
    const userId = message.type === 'submit' ? message.submission.userId : undefined;
    audit?.({ action: `api.${message.type}`, submissionId: idOf(message), userId, ...asked });
  }

  async function submit(submission: Submission, log: Logger, begun: number): Promise<AcceptedSubmission> {
    const accepted = await submissions.submit(submission);
    metrics.accepted(performance.now() - begun);
    const { userId, workflowId, runId } = accepted;
    log.info({ userId, workflowId, runId }, 'submission accepted');
    note({ type: 'submit', submission }, { workflowId, runId });
    return accepted;
  }

  /** @param begun when the message that submits came, if it was one */
  async function follow(
    accepted: AcceptedSubmission,
    after: Cursor | null,
    log: Logger,
    begun?: number,
  ): Promise<void> {
    const { signal } = gone;
    const unfollowed = metrics.following();
    try {
      for await (const frame of submissions.follow(accepted, { progress, after, signal, logger: log })) {
        await send(frame);
        if (signal.aborted) return;
        if (isFinal(frame)) {
          const { status, reason, durations_ms: durationsMs } = frame;
          if (begun !== undefined) metrics.judged(status, performance.now() - begun);
          log.info({ status, reason, durationsMs }, 'verdict sent');
        }
      }
    } finally {
      unfollowed();
    }
  }

  /** Resolves when the frame has left for the client, so that nobody makes frames faster than they are read. */
  async function send(frame: ServerFrame): Promise<void> {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > limits.maxBufferedBytes) {
      logger.warn({ bufferedBytes: socket.bufferedAmount }, 'client does not read: closing its connection');
      metrics.cutOff();
      gone.abort();
      return socket.close(CLOSE.slowClient.code, CLOSE.slowClient.reason);
    }
    metrics.sent(frame);
    // A frame that cannot be written means that the connection ended: the close event tells of it.
    await new Promise<void>((resolve) => socket.send(JSON.stringify(frame), () => resolve()));
  }
}

/** Messages that change nothing. */
const READING: ClientMessage['type'][] = ['resume', 'status', 'list'];

/** The submission that a message is about, if it is about one. */
function idOf(message: ClientMessage): string | undefined {
  if (message.type === 'list') return undefined;
  return message.type === 'submit' ? message.submission.submissionId : message.submissionId;
}

/** A message of a server without `binaryType` set arrives as one Buffer. */
function text(data: RawData): string {
  return (data as Buffer).toString('utf8');
}
