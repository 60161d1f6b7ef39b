import { z } from 'zod';
import type { RunOutcome } from '../../../activities/ports';
import { PlatformError } from '../api/errors';

/** The frames of sandbox/test-pod/PROTOCOL.md, with the fields that the worker reads. */
const base64 = z.string().transform((text) => Buffer.from(text, 'base64'));
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
  stdout: streamSummary,
  stderr: streamSummary,
  report: streamSummary,
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
  z.object({ type: z.literal('output'), channel, stream: streamName, offset: count, data: base64 }),
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('end'), channel, result: endRecord }),
  z.object({ type: z.literal('error'), channel: channel.nullish(), code: z.string(), message: z.string() }),
]);

export type Frame = z.infer<typeof frame>;
export type EndRecord = z.infer<typeof endRecord>;
export type StreamSummary = z.infer<typeof streamSummary>;
export type StreamName = z.infer<typeof streamName>;

/** The version of the protocol that is implemented here. */
const PROTOCOL = 3;

/** Frames of other, newer types are skipped; frames of these types must be valid. */
const known = new Set<unknown>(frame.options.map((option) => option.shape.type.value));

/** The supervisor's longest frame, in bytes: a chunk of output. A longer one has another origin. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** Assembles frames from the pieces in which a stream delivers them. */
export class FrameReader {
  private pending: Buffer[] = [];
  private size = 0;

  /** @throws PlatformError `Unavailable` for bytes that are not a frame: the stream is broken. */
  push(piece: Buffer): Frame[] {
    const frames: Frame[] = [];
    let rest = piece;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      const line = Buffer.concat([...this.pending, rest.subarray(0, end)]);
      this.pending = [];
      this.size = 0;
      rest = rest.subarray(end + 1);
      const parsed = parse(line);
      if (parsed !== null) frames.push(parsed);
    }
    if (rest.length > 0) this.pending.push(rest);
    this.size += rest.length;
    if (this.size > MAX_FRAME_BYTES) throw broken(`a frame of more than ${MAX_FRAME_BYTES} bytes`);
    return frames;
  }
}

/** One frame as bytes. */
export function encodeFrame(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

const NEWLINE = '\n'.charCodeAt(0);

function parse(line: Buffer): Frame | null {
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
  const result = frame.safeParse(value);
  if (!result.success) throw broken(`a frame of type ${type} with ${z.prettifyError(result.error)}`);
  return result.data;
}

function broken(what: string): PlatformError {
  return new PlatformError('Unavailable', `The test pod sent ${what}`);
}
