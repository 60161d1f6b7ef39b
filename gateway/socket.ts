import { randomUUID } from 'node:crypto';
import { WebSocket, type RawData } from 'ws';
import type { Logger } from '../infrastructure/logging';
import { CLOSE, type Limits } from './limits';
import { parseMessage, type ClientMessage } from './protocol';
import { errorFrame, isFinal, type ErrorFrame, type ServerFrame } from './serverFrames';
import { PlatformUnavailable, SubmissionConflict, type Submissions } from './submissions';

export interface SocketSettings {
  submissions: Submissions;
  maxCodeBytes: number;
  limits: Limits;
  /** Names the connection in every line. */
  logger: Logger;
  /** Whether the client wants progress frames, or one frame a submission. */
  progress: boolean;
}

/** Serves one client until its connection ends. Its submissions go on without it. */
export function serveSocket(socket: WebSocket, settings: SocketSettings): void {
  const { submissions, maxCodeBytes, limits, logger, progress } = settings;
  const gone = new AbortController();
  let inFlight = 0;

  socket.on('close', (code) => {
    gone.abort();
    logger.info({ code, inFlight }, 'client gone');
  });
  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (socket.readyState !== WebSocket.OPEN) return; // told to come back elsewhere
    if (isBinary)
      return void send(errorFrame('binary_not_supported', 'send the message as a text frame, in JSON'));
    const { message, error } = parseMessage(text(data), maxCodeBytes);
    if (error) {
      logger.info({ code: error.code }, 'message refused'); // the field's name is the client's own text
      return void send(error);
    }
    if (inFlight >= limits.maxInFlight)
      return void send(
        errorFrame('too_many_in_flight', `wait for one of your ${inFlight} submissions to end`, {
          limit: limits.maxInFlight,
          submission_id: message.submission_id,
        }),
      );
    inFlight += 1;
    void carry(message).finally(() => (inFlight -= 1));
  });

  /** Takes one submission to its final frame, or to the error frame that stands for it. Never throws. */
  async function carry(message: ClientMessage): Promise<void> {
    const submissionId = message.submission_id ?? randomUUID();
    const log = logger.child({ submissionId, userId: message.user_id });
    try {
      const accepted = await submissions.submit({
        submissionId,
        userId: message.user_id,
        code: message.code,
      });
      const { workflowId, runId } = accepted;
      log.info({ workflowId, runId, codeBytes: Buffer.byteLength(message.code) }, 'submission accepted');
      const signal = gone.signal;
      for await (const frame of submissions.follow(accepted, { progress, signal, logger: log })) {
        await send(frame);
        if (signal.aborted) return;
        if (isFinal(frame)) {
          const { status, reason, durations_ms: durationsMs } = frame;
          log.info({ status, reason, durationsMs }, 'verdict sent');
        }
      }
    } catch (error) {
      if (gone.signal.aborted) return log.info({ err: error }, 'no longer followed');
      const frame = explain(error, submissionId);
      if (frame.code === 'conflict') log.info({ code: frame.code }, 'submission refused');
      else log.error({ err: error, code: frame.code }, 'submission could not be carried');
      await send(frame);
    }
  }

  /** Resolves when the frame has left for the client, so that nobody makes frames faster than they are read. */
  async function send(frame: ServerFrame): Promise<void> {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > limits.maxBufferedBytes) {
      logger.warn({ bufferedBytes: socket.bufferedAmount }, 'client does not read: closing its connection');
      gone.abort();
      return socket.close(CLOSE.slowClient.code, CLOSE.slowClient.reason);
    }
    // A frame that cannot be written means that the connection ended: the close event tells of it.
    await new Promise<void>((resolve) => socket.send(JSON.stringify(frame), () => resolve()));
  }
}

function explain(error: unknown, submission_id: string): ErrorFrame {
  if (error instanceof SubmissionConflict)
    return errorFrame('conflict', `${error.message}: use another submission_id`, {
      field: 'submission_id',
      submission_id,
    });
  if (error instanceof PlatformUnavailable)
    return errorFrame('unavailable', 'the platform does not answer: send it again with this submission_id', {
      submission_id,
    });
  return errorFrame(
    'internal',
    'the gateway failed; the submission may go on: send it again with this submission_id to follow it',
    { submission_id },
  );
}

/** A message of a server without `binaryType` set arrives as one Buffer. */
function text(data: RawData): string {
  return (data as Buffer).toString('utf8');
}
