import { z } from 'zod';
import type { Limits } from '../limits';
import { isFinal, type OutputFrame, type SubmissionFrame } from '../serverFrames';
import { acceptedIn } from '../submissionRecord';
import type { Submissions } from '../submissions';
import { queryOf, submissionIn } from './query';
import type { Call } from './apiRoute';
import { STREAM_HEADERS, writePiece } from './stream';

export const outputQuery = z.strictObject({
  stream: z.enum(['stdout', 'stderr']).optional().describe('Both, as they came, when left out.'),
  step: z.enum(['install', 'run', 'tests']).optional().describe('All of them when left out.'),
});

/** What the program printed, byte by byte, while it runs and up to the end of the tests. */
export async function sendOutput(
  call: Call,
  { submissions, limits }: { submissions: Submissions; limits: Limits },
): Promise<void> {
  const { response, signal, logger } = call;
  const wanted = queryOf(call, outputQuery);
  const record = await submissions.status(submissionIn(call));
  response.writeHead(200, { ...STREAM_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' });
  const settings = { progress: true, after: null, signal, logger };
  for await (const frame of submissions.follow(acceptedIn(record), settings)) {
    if (signal.aborted || isOver(frame)) break;
    const piece = pieceOf(frame, wanted);
    if (piece.length > 0) await writePiece(response, piece, { signal, patienceMs: limits.pingIntervalMs });
  }
  // An end without the last piece would look like a whole answer.
  if (signal.aborted) response.destroy();
  else response.end();
}

function isOver(frame: SubmissionFrame): boolean {
  return (
    isFinal(frame) || (frame.type === 'stage' && frame.stage === 'run_tests' && frame.state === 'completed')
  );
}

function pieceOf(frame: SubmissionFrame, { stream, step }: z.output<typeof outputQuery>): Buffer {
  if (!('type' in frame)) return NOTHING;
  if (frame.type === 'stage' && frame.state === 'executed_again')
    return Buffer.from('\n[... the test pod was replaced: the tests are executed again ...]\n');
  if (frame.type !== 'output') return NOTHING;
  const isWanted = (stream ?? frame.stream) === frame.stream && (step ?? frame.step) === frame.step;
  return isWanted ? bytesOf(frame) : NOTHING;
}

function bytesOf({ text, data, omitted_bytes: omitted }: OutputFrame): Buffer {
  if (omitted !== undefined) return Buffer.from(`\n[... ${omitted} bytes left out ...]\n`);
  return data === undefined ? Buffer.from(text ?? '') : Buffer.from(data, 'base64');
}

const NOTHING = Buffer.alloc(0);
