import { z } from 'zod';
import type { Logger } from '../../infrastructure/logging';
import { STEPS } from '../../workflows/contract';
import type { Limits } from '../limits';
import { isFinal, type OutputFrame, type SubmissionFrame } from '../protocol/serverFrames';
import { acceptedIn } from '../protocol/submissionRecord';
import type { Submissions } from '../submissions/submissionService';
import { parseCursor } from '../protocol/cursor';
import { sendStream, writePiece } from './stream';
import type { ApiReply, ApiRequest } from './apiTypes';

/** Reads the archived output of an execution: the available bytes of the range, from its start on. */
export interface ReadOutput {
  read(range: {
    userId: string;
    submissionId: string;
    executionId: string;
    stream: 'stdout' | 'stderr';
    start: number;
    end: number;
  }): AsyncIterable<Buffer>;
}

export const outputQuery = z.strictObject({
  stream: z
    .enum(['stdout', 'stderr'])
    .optional()
    .describe('Both by default, in the order in which they arrived.'),
  step: z.enum(STEPS).optional().describe('All steps by default.'),
});

type OutputFilter = z.output<typeof outputQuery>;

/** Sends the bytes that the program prints, until its tests end. */
export async function sendOutput(
  request: ApiRequest,
  reply: ApiReply,
  { submissionId, ...filter }: { submissionId: string } & OutputFilter,
  {
    submissions,
    limits,
    outputArchive,
  }: { submissions: Submissions; limits: Limits; outputArchive: ReadOutput | null },
): Promise<void> {
  const { abortSignal: signal, log: logger } = request;
  const record = await submissions.status(submissionId);
  await sendStream(request, reply, 'text/plain; charset=utf-8', async (response) => {
    const settings = { progress: true, after: null, signal, logger };
    for await (const frame of submissions.follow(acceptedIn(record), settings)) {
      if (signal.aborted || isOver(frame)) break;
      for await (const piece of piecesOf(frame, record.user_id, filter, outputArchive, logger))
        if (piece.length > 0) await writePiece(response, piece, { signal, timeoutMs: limits.pingIntervalMs });
    }
    // A normal end without the last chunk would look like a complete response.
    if (signal.aborted) response.destroy();
    else response.end();
  });
}

function isOver(frame: SubmissionFrame): boolean {
  return (
    isFinal(frame) || (frame.type === 'stage' && frame.stage === 'run_tests' && frame.state === 'completed')
  );
}

async function* piecesOf(
  frame: SubmissionFrame,
  userId: string,
  { stream, step }: OutputFilter,
  archive: ReadOutput | null,
  logger: Logger,
): AsyncGenerator<Buffer> {
  if (!('type' in frame)) return;
  if (frame.type === 'stage' && frame.state === 'executed_again')
    yield Buffer.from('\n[... the test pod was replaced: the tests are executed again ...]\n');
  if (frame.type !== 'output') return;
  if ((stream ?? frame.stream) !== frame.stream || (step ?? frame.step) !== frame.step) return;
  const { text, data, omitted_bytes: omitted } = frame;
  if (omitted !== undefined) yield* omittedBytes(frame, userId, omitted, archive, logger);
  else yield data === undefined ? Buffer.from(text ?? '') : Buffer.from(data, 'base64');
}

/**
 * Reads truncated output, which the test report does not contain, from the log store. Adds a line about bytes
 * that are not there either.
 */
async function* omittedBytes(
  { submission_id: submissionId, cursor, stream, offset }: OutputFrame,
  userId: string,
  omitted: number,
  archive: ReadOutput | null,
  logger: Logger,
): AsyncGenerator<Buffer> {
  const place = parseCursor(cursor);
  let left = omitted;
  if (archive !== null && place !== null && 'output' in place) {
    const { execution: executionId } = place.output;
    const range = { userId, submissionId, executionId, stream, start: offset, end: offset + omitted };
    try {
      for await (const piece of archive.read(range)) {
        left -= piece.length;
        yield piece;
      }
    } catch (error) {
      logger.warn({ err: error }, 'failed to read output from the log store');
    }
  }
  if (left > 0) yield Buffer.from(`\n[... ${left} bytes left out ...]\n`);
}
