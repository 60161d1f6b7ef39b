import { z } from 'zod';
import type { ServerResponse } from 'node:http';
import type { Logger } from '../../infrastructure/logging';
import { parseCursor } from '../protocol/cursor';
import { toErrorFrame } from '../submissions/errorFrames';
import { NothingFollows } from '../progress/follow';
import type { Limits } from '../limits';
import type { ServerFrame, SubmissionFrame } from '../protocol/serverFrames';
import { acceptedIn, type SubmissionRecord } from '../protocol/submissionRecord';
import type { Submissions } from '../submissions/submissionService';
import { sendStream, writePiece } from './stream';
import type { ApiReply, ApiRequest } from './apiTypes';

/** Server-Sent Events: the frames that a WebSocket gets, each with its cursor as the event's id. */

export const lastEventId = z
  .string()
  // Some clients send the header without a value.
  .refine((text) => text === '' || parseCursor(text) !== null, 'must be the cursor of a frame')
  .optional();

export const eventsQuery = z.strictObject({
  cursor: lastEventId.describe(
    'Of the last frame that the client received. The header Last-Event-ID takes precedence.',
  ),
  progress: z.enum(['true', 'false']).default('true').describe('`false`: the final frame alone.'),
});

/** How long a client waits before it reconnects after the stream ended, in milliseconds. */
const RETRY_MS = 1_000;

export async function sendEvents(
  request: ApiRequest,
  reply: ApiReply,
  { submissionId, progress, after }: { submissionId: string; progress: boolean; after: string | undefined },
  { submissions, limits, closing }: { submissions: Submissions; limits: Limits; closing: AbortSignal },
): Promise<void> {
  const { abortSignal: signal, log: logger } = request;
  const record = await submissions.status(submissionId);
  const settings = { progress, after: after === undefined ? null : parseCursor(after), signal, logger };
  const frames = submissions.follow(acceptedIn(record), settings)[Symbol.asyncIterator]();
  // Only for a submission that is over can the gateway know at once that nothing follows. A 204 then stops
  // the client from reconnecting.
  const first = record.status === 'running' ? null : await orNothing(frames.next());
  if (first?.done) return void reply.code(204).send();
  await sendStream(request, reply, 'text/event-stream', (response) =>
    writeEvents(response, { first, frames, record, signal, logger, limits, closing }),
  );
}

interface EventsParts {
  /** The first frame, if it was already read. */
  first: IteratorYieldResult<SubmissionFrame> | null;
  frames: AsyncIterator<SubmissionFrame>;
  record: SubmissionRecord;
  signal: AbortSignal;
  logger: Logger;
  limits: Limits;
  closing: AbortSignal;
}

async function writeEvents(
  response: ServerResponse,
  { first, frames, record, signal, logger, limits, closing }: EventsParts,
): Promise<void> {
  const write = (text: string) => writePiece(response, text, { signal, timeoutMs: limits.pingIntervalMs });
  const pings = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': ping\n\n');
  }, limits.pingIntervalMs);
  try {
    await write(`retry: ${RETRY_MS}\n\n`);
    if (first) await write(eventOf(first.value));
    for (let next = await frames.next(); !next.done && !signal.aborted; next = await frames.next())
      await write(eventOf(next.value));
    if (closing.aborted) response.write(': the gateway is going down: come back after the last event id\n\n');
  } catch (error) {
    if (error instanceof NothingFollows) return; // The client's next request gets a 204.
    if (!(error instanceof Error) || error.name === 'Stalled') throw error;
    logger.error({ err: error }, 'failed to follow a submission');
    await write(eventOf(toErrorFrame(error, record.submission_id)));
  } finally {
    clearInterval(pings);
    await frames.return?.();
    response.end();
  }
}

async function orNothing(
  next: Promise<IteratorResult<SubmissionFrame>>,
): Promise<IteratorResult<SubmissionFrame>> {
  try {
    return await next;
  } catch (error) {
    if (error instanceof NothingFollows) return { done: true, value: undefined };
    throw error;
  }
}

/** Formats a frame as an event. JSON escapes line breaks in strings, so a frame is one line. */
function eventOf(frame: ServerFrame): string {
  const id = 'cursor' in frame && frame.cursor !== undefined ? `id: ${frame.cursor}\n` : '';
  return `${id}data: ${JSON.stringify(frame)}\n\n`;
}
