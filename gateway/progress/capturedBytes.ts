import type { StepReport } from '../../workflows/contract';

type CapturedOutput = StepReport['stdout'];

/** The captured output of a stream in a report: its first bytes and, if it was too long, its last bytes. */
export interface CapturedBytes {
  head: Buffer;
  tail: Buffer;
  /** Length of the whole stream, in bytes. */
  bytes: number;
}

export function capturedBytes({ text, gap, base64, bytes }: CapturedOutput): CapturedBytes {
  if (base64)
    return { head: Buffer.from(base64.head, 'base64'), tail: Buffer.from(base64.tail, 'base64'), bytes };
  const { end: headEnd, start: tailStart } = gap ?? { end: text.length, start: text.length };
  const head = Buffer.from(text.slice(0, headEnd));
  const tail = Buffer.from(text.slice(tailStart));
  return { head, tail, bytes };
}
