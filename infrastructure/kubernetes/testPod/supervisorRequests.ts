import type { InputFeed, OutputRange } from '../../../activities/ports';
import { Refusal } from './attempt';
import type { Frame } from './frames';
import type { PodStreams } from './podStreams';

/**
 * Code of an `error` frame: the pod has no such run, or not the requested part of it;
 * sandbox/test-pod/PROTOCOL.md.
 */
const UNKNOWN = 'unknown';

/** Sends more input to a run. @returns null when there is no such run, or it has ended */
export async function feed(
  streams: PodStreams,
  userId: string,
  { key, offset, pieces, eof }: InputFeed,
): Promise<{ received: number } | null> {
  const data = Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64'))).toString('base64');
  const question = { op: 'stdin', key, offset, data, eof };
  const answer = await ask(streams, userId, question, (frame) =>
    frame.type === 'input' ? frame : undefined,
  );
  return answer === null || answer.over ? null : { received: answer.received };
}

/** Reads bytes that a run printed: none if they are no longer kept. */
export async function read(
  streams: PodStreams,
  userId: string,
  { key, stream, start, end }: OutputRange,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const question = { op: 'read', key, stream, from: start, to: end, binary: true };
  const answer = await ask(streams, userId, question, (frame) => {
    if (frame.type === 'output') pieces.push(frame.data);
    return frame.type === 'read' ? frame : undefined;
  });
  const [first = Buffer.alloc(0), ...others] = answer === null ? [] : pieces;
  return others.length === 0 ? first : Buffer.concat([first, ...others]);
}

/** Writes a line to the log of the test pod, if the pod can be reached. */
export async function writeLogLine(
  streams: PodStreams,
  userId: string,
  submissionId: string,
  text: string,
): Promise<void> {
  const conversation = await streams.converse(userId);
  conversation.send({ op: 'say', submission_id: submissionId, text });
  conversation.close();
}

/** @returns null when the pod does not know the run */
async function ask<Answer>(
  streams: PodStreams,
  userId: string,
  question: object,
  take: (frame: Frame) => Answer | undefined,
): Promise<Answer | null> {
  const conversation = await streams.converse(userId);
  try {
    conversation.send(question);
    for (;;) {
      const frame = await conversation.next();
      if (frame.type === 'error') {
        // An older supervisor does not know this request, and cannot answer it.
        if (frame.code === UNKNOWN || frame.code === 'invalid') return null;
        throw new Refusal(frame.code, frame.message);
      }
      const answer = take(frame);
      if (answer !== undefined) return answer;
    }
  } catch (error) {
    if (!(error instanceof Refusal)) conversation.abandon(error as Error);
    throw error;
  } finally {
    conversation.close();
  }
}
