import type { CapturedOutput, OutputRange, RunReport } from './ports';
import type { TruncatedOutput } from './testReport';

const STREAMS = ['stdout', 'stderr'] as const;

type Execution = Pick<TruncatedOutput, 'key' | 'name' | 'executionId'>;

/** The output that a run's own report does not contain: the middle of each stream that was too long. */
export function middlesOf(execution: Execution, run: RunReport): TruncatedOutput[] {
  return rangesOf(execution, run, ({ truncated, bytes, ...kept }) => {
    if (!truncated) return null;
    const [head, tail] = headAndTailBytes(kept);
    return { start: head, end: bytes - tail };
  });
}

/** All output of a run whose report is not kept. */
export function allOf(execution: Execution, run: RunReport): TruncatedOutput[] {
  return rangesOf(execution, run, ({ bytes }) => ({ start: 0, end: bytes }));
}

function rangesOf(
  execution: Execution,
  run: RunReport,
  range: (output: CapturedOutput) => Pick<OutputRange, 'start' | 'end'> | null,
): TruncatedOutput[] {
  return STREAMS.flatMap((stream) => {
    const found = range(run[stream]);
    const { key, name, executionId } = execution;
    return found && found.start < found.end ? [{ key, name, executionId, stream, ...found }] : [];
  });
}

/** The number of bytes kept of the stream's beginning and end. */
function headAndTailBytes({
  text,
  gap,
  base64,
}: Omit<CapturedOutput, 'bytes' | 'truncated'>): [number, number] {
  if (base64) return [Buffer.byteLength(base64.head, 'base64'), Buffer.byteLength(base64.tail, 'base64')];
  if (!gap) return [Buffer.byteLength(text), 0];
  return [Buffer.byteLength(text.slice(0, gap.end)), Buffer.byteLength(text.slice(gap.start))];
}
