import { z } from 'zod';
import type { RunOutcome } from '../../../activities/ports';
import { PlatformError } from '../api/errors';

/** The frames of sandbox/test-pod/PROTOCOL.md, with the fields that the worker reads. */
const base64 = z.string().transform((text): Buffer => Buffer.from(text, 'base64'));
const count = z.number().int().nonnegative();
const streamSummary = z.object({ bytes: count, head_bytes: count, tail_bytes: count, sha256: z.string() });
const streamName = z.enum(['stdout', 'stderr', 'report']);
const channel = z.string();
const execution = z.string();
/** Bytes of input that arrived during the run. Older supervisors do not send this field. */
const input = count.default(0);

const endRecord = z.object({
  outcome: z.enum([
    'passed',
    'syntax_error',
    'failed',
    'timed_out',
    'out_of_memory',
    'too_much_output',
    'too_many_processes',
    'killed_by_signal',
  ] as const satisfies readonly RunOutcome[]),
  exit_code: z.number().int().nullable(),
  signal: z.string().nullable(),
  wall_ms: z.number().nonnegative(),
  cpu_ms: z.number().nonnegative(),
  peak_memory_bytes: count,
  serving: z.boolean(),
  execution: z.string(),
  check: z.string().nullable(),
  /** Older supervisors do not send this field. */
  listens: z.array(z.string()).optional(),
  /** Older supervisors do not send this field. */
  sandbox: z.string().max(32).optional(),
  stdout: streamSummary,
  stderr: streamSummary,
  report: streamSummary,
});

const outputPosition = { channel, stream: streamName, offset: count };

/** The supervisor's longest frame, in bytes: a chunk of output. A longer one has another origin. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** An `output` frame whose bytes follow it. Older supervisors encode them in base64, in the frame. */
const outputHeader = z.object({
  ...{ type: z.literal('output'), ...outputPosition },
  bytes: count.positive().max(MAX_FRAME_BYTES),
});

const frame = z.discriminatedUnion('type', [
  z.object({
    ...{ type: z.literal('accepted'), channel, state: z.string(), position: count, pod_uid: z.string() },
    execution: execution.nullable(),
    input,
    /** Uptime of the supervisor, in milliseconds. Older supervisors do not send this field. */
    up_ms: count.optional(),
  }),
  z.object({ type: z.literal('queued'), channel, position: count }),
  z.object({ type: z.literal('started'), channel, execution, input }),
  z.object({ type: z.literal('input'), channel, received: count, over: z.boolean() }),
  z.object({ type: z.literal('read'), channel, to: count }),
  z.object({ type: z.literal('output'), ...outputPosition, data: base64 }),
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('end'), channel, result: endRecord }),
  z.object({ type: z.literal('error'), channel: channel.nullish(), code: z.string(), message: z.string() }),
]);

export type Frame = z.infer<typeof frame>;
type OutputHeader = z.infer<typeof outputHeader>;
export type EndRecord = z.infer<typeof endRecord>;
export type StreamSummary = z.infer<typeof streamSummary>;
export type StreamName = z.infer<typeof streamName>;

/** The version of the protocol that is implemented here. */
const PROTOCOL = 3;

/** Frames of other, newer types are skipped; frames of these types must be valid. */
const known = new Set<unknown>(frame.options.map((option) => option.shape.type.value));

/** Assembles frames from the pieces in which a stream delivers them. */
export class FrameReader {
  private pending: Buffer[] = [];
  private size = 0;
  /** The last frame, if the bytes that follow it have not all arrived. */
  private header: OutputHeader | null = null;

  /** @throws PlatformError `Unavailable` for bytes that are not a frame: the stream is broken. */
  push(piece: Buffer): Frame[] {
    const frames: Frame[] = [];
    let start = 0;
    for (;;) {
      const end = this.endOfNext(piece, start);
      if (end === null) break;
      const whole = this.take(piece.subarray(start, end));
      if (this.header !== null) {
        const { bytes, ...output } = this.header;
        this.header = null;
        frames.push({ ...output, data: whole });
        start = end;
      } else {
        const parsed = parse(whole);
        if (parsed !== null && 'bytes' in parsed) this.header = parsed;
        else if (parsed !== null) frames.push(parsed);
        start = end + 1;
      }
    }
    const rest = piece.subarray(start);
    if (rest.length > 0) this.pending.push(rest);
    this.size += rest.length;
    if (this.size > MAX_FRAME_BYTES) throw broken(`a frame of more than ${MAX_FRAME_BYTES} bytes`);
    return frames;
  }

  /** Where the next line, or the bytes that follow one, end in this piece; null if they end after it. */
  private endOfNext(piece: Buffer, start: number): number | null {
    const end = this.header === null ? piece.indexOf(NEWLINE, start) : start + this.header.bytes - this.size;
    return end < 0 || end > piece.length ? null : end;
  }

  private take(last: Buffer): Buffer {
    const whole = this.pending.length === 0 ? last : Buffer.concat([...this.pending, last]);
    this.pending = [];
    this.size = 0;
    return whole;
  }
}

/** One frame as bytes. */
export function encodeFrame(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

const NEWLINE = '\n'.charCodeAt(0);

function parse(line: Buffer): Frame | OutputHeader | null {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    throw broken(`a line that is no frame: ${line.subarray(0, 80).toString('utf8')}`);
  }
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type !== 'string') throw broken('a frame without a type');
  if (!known.has(type)) return null;
  if (type === 'accepted' && (value as { protocol?: unknown }).protocol !== PROTOCOL)
    throw new PlatformError('EnvironmentMissing', 'The test pod is of another version of this platform');
  const result = (hasHeader(value) ? outputHeader : frame).safeParse(value);
  if (!result.success) throw broken(`a frame of type ${type} with ${z.prettifyError(result.error)}`);
  return result.data;
}

function hasHeader(value: unknown): boolean {
  const { type, bytes } = value as { type: unknown; bytes?: unknown };
  return type === 'output' && bytes !== undefined;
}

function broken(what: string): PlatformError {
  return new PlatformError('Unavailable', `The test pod sent ${what}`);
}
