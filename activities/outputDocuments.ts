import { isUtf8 } from 'node:buffer';
import type { ActionTrail } from './actions';
import type { LogDocument, Provenance } from './ports';
import type { StepReport, TestReport, TruncatedOutput } from './testReport';

/** The most bytes of a stream in one document. */
export const CHUNK_BYTES = 65_536;

/** Whose output it is, and when it was written. */
export interface OutputOrigin {
  provenance: Provenance;
  namespace: string;
  /** ISO 8601. */
  at: string;
}

type StreamName = TruncatedOutput['stream'];

/** Bytes that an execution printed, starting at `offset`. */
interface OutputChunk {
  /** Such as `run` or `case-3`. */
  name: string;
  executionId: string;
  stream: StreamName;
  offset: number;
  data: Buffer;
}

/** The output in the reports of a submission's trail, as documents, and the ranges that were truncated. */
export function outputOfTrail({ provenance, namespace, actions }: ActionTrail): {
  documents: LogDocument[];
  truncated: TruncatedOutput[];
} {
  const { submissionId, codeDigest, ...rest } = provenance;
  if (submissionId === undefined || codeDigest === undefined) return { documents: [], truncated: [] };
  // A failed stage has no report.
  const tests = actions.filter(({ name, details }) => name === 'stage.run_tests' && details);
  return {
    documents: tests.flatMap(({ endedAt, details }) => {
      const at = new Date(endedAt).toISOString();
      const origin = { provenance: { ...rest, submissionId, codeDigest }, namespace, at };
      return outputOfReport(origin, details as TestReport);
    }),
    truncated: tests.flatMap(({ details }) => (details as TestReport).unkept ?? []),
  };
}

/** The captured output of one report, as documents. Together with what copyOutput writes, it is the whole output. */
export function outputOfReport(origin: OutputOrigin, { steps }: TestReport): LogDocument[] {
  return steps.flatMap((step) =>
    (['stdout', 'stderr'] as const).flatMap((stream) =>
      piecesOf(step, stream).flatMap((piece) =>
        chunksOf(piece, true).map((chunk) => documentOf(origin, chunk)),
      ),
    ),
  );
}

/**
 * Splits bytes into chunks, at the same positions no matter how many bytes are passed at a time. A remainder
 * that is shorter than a chunk is left out unless `isLast`.
 */
export function chunksOf(piece: OutputChunk, isLast: boolean): OutputChunk[] {
  const chunks: OutputChunk[] = [];
  let { data, offset } = piece;
  while (data.length >= CHUNK_BYTES || (isLast && data.length > 0)) {
    const first = withoutHalfCharacter(data.subarray(0, CHUNK_BYTES));
    chunks.push({ ...piece, offset, data: first });
    offset += first.length;
    data = data.subarray(first.length);
  }
  return chunks;
}

/** The id is the same for the same bytes of the same execution, so writing them again changes nothing. */
export function documentOf(origin: OutputOrigin, { data, ...position }: OutputChunk): LogDocument {
  const content = isUtf8(data)
    ? { message: data.toString('utf8') }
    : { output: { encoding: 'base64', data: data.toString('base64') } };
  return {
    ...commonFields(origin, position),
    ...content,
    output: { ...positionFields(position), bytes: data.length, ...content.output },
  };
}

/** A document that records which bytes were lost. */
export function lostDocument(origin: OutputOrigin, { start, end, ...range }: TruncatedOutput): LogDocument {
  const bytes = end - start;
  const position = { ...range, offset: start };
  const document = commonFields(origin, position);
  return {
    ...document,
    _id: `${document._id}:lost`,
    message: `${bytes} bytes of output were lost: the test pod is gone, or had no room for them`,
    output: { ...positionFields(position), bytes, lost: true },
  };
}

type ChunkPosition = Omit<OutputChunk, 'data'>;

function commonFields(
  { provenance, namespace, at }: OutputOrigin,
  { executionId, stream, offset }: ChunkPosition,
): LogDocument {
  const { workflowId, runId, submissionId, userId, codeDigest, keyId } = provenance;
  return {
    _id: `${workflowId}:${runId}:${executionId}:${stream}:${offset}`,
    '@timestamp': at,
    event: { action: 'submission.output' },
    user: { id: userId },
    key: { id: keyId },
    orchestrator: { type: 'kubernetes', namespace },
    submission: { id: submissionId, code_digest: codeDigest },
    temporal: { workflow_id: workflowId, run_id: runId },
  };
}

function positionFields({ name, executionId, stream, offset }: ChunkPosition) {
  return { step: name, execution: executionId, stream, offset };
}

function piecesOf(step: StepReport, stream: StreamName): OutputChunk[] {
  const { text, gap, base64, bytes } = step[stream];
  const { end: headEnd, start: tailStart } = gap ?? { end: text.length, start: text.length };
  const head = base64 ? Buffer.from(base64.head, 'base64') : Buffer.from(text.slice(0, headEnd));
  const tail = base64 ? Buffer.from(base64.tail, 'base64') : Buffer.from(text.slice(tailStart));
  const source = { name: step.step, executionId: step.executionId, stream };
  return [
    { ...source, offset: 0, data: head },
    { ...source, offset: bytes - tail.length, data: tail },
  ];
}

/** Removes an incomplete UTF-8 character at the end, unless there is nothing else. */
function withoutHalfCharacter(data: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, data.length - 1); back++) {
    const byte = data[data.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return back < length ? data.subarray(0, data.length - back) : data;
  }
  return data;
}
