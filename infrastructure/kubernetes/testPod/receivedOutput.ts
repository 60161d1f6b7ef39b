import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { CapturedOutput } from '../../../activities/ports';
import { PlatformError } from '../api/errors';
import type { StreamSummary } from './frames';

/** Collects the received bytes of one stream: its head, then, with or without a gap, its tail. */
export class ReceivedOutput {
  private parts: Buffer[] = [];
  private end = 0;
  /** The gap between head and tail, if any: received bytes before it, and bytes that it leaves out. */
  private gap: { after: number; size: number } | null = null;

  /** @param keepBytes how much the run was asked to keep; half of it is the head */
  constructor(private readonly keepBytes: number) {}

  /** Bytes received so far. */
  get received(): number {
    return this.parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** @throws PlatformError `Unavailable` when the piece is not the next one. */
  add(offset: number, data: Buffer): void {
    if (offset > this.end && this.gap === null) this.gap = { after: this.received, size: offset - this.end };
    else if (offset !== this.end)
      throw new PlatformError(
        'Unavailable',
        `The test pod sent output from byte ${offset} where byte ${this.end} was next`,
      );
    this.parts.push(data);
    this.end = offset + data.length;
  }

  /** Discards what will be sent again after a rejoin. @returns the offset from which the head continues */
  rejoin(): number {
    const head = Buffer.concat(this.parts).subarray(0, this.gap?.after ?? this.received);
    const kept = head.subarray(0, Math.floor(this.keepBytes / 2));
    this.parts = [kept];
    this.end = kept.length;
    this.gap = null;
    return kept.length;
  }

  /** Discards everything: the output that follows belongs to another execution. */
  restart(): void {
    this.parts = [];
    this.end = 0;
    this.gap = null;
  }

  /** The last bytes received, as text. */
  tail(bytes: number): string {
    return Buffer.concat(this.parts).subarray(-bytes).toString('utf8');
  }

  /**
   * Compares the received output with the end record.
   * @throws PlatformError `Unavailable` when a byte is missing or different: then there is no result.
   */
  verify(name: string, summary: StreamSummary): CapturedOutput {
    const kept = Buffer.concat(this.parts);
    const expected = summary.head_bytes + summary.tail_bytes;
    if (kept.length !== expected)
      throw new PlatformError(
        'Unavailable',
        `Of ${name}, ${kept.length} bytes arrived; the test pod kept ${expected}`,
      );
    if (createHash('sha256').update(kept).digest('hex') !== summary.sha256)
      throw new PlatformError('Unavailable', `What arrived of ${name} is not what the test pod kept`);
    return { ...this.captured(kept), bytes: summary.bytes, truncated: summary.bytes > kept.length };
  }

  /** The received output of a run whose end was never reported. */
  partial(): CapturedOutput {
    return { ...this.captured(Buffer.concat(this.parts)), bytes: this.end, truncated: this.gap !== null };
  }

  private captured(kept: Buffer): Pick<CapturedOutput, 'text' | 'gap' | 'base64'> {
    if (this.gap === null) return { text: kept.toString('utf8'), ...exactly(kept, NOTHING) };
    const head = withoutCutEnd(kept.subarray(0, this.gap.after));
    const tail = withoutCutStart(kept.subarray(this.gap.after));
    const before = head.toString('utf8');
    const beforeTail = `${before}\n[... ${this.gap.size} bytes left out ...]\n`;
    return {
      text: beforeTail + tail.toString('utf8'),
      gap: { end: before.length, start: beforeTail.length },
      ...exactly(head, tail),
    };
  }
}

const NOTHING = Buffer.alloc(0);

/** The bytes themselves, if they are not valid UTF-8. */
function exactly(head: Buffer, tail: Buffer): Pick<CapturedOutput, 'base64'> {
  if (isUtf8(head) && isUtf8(tail)) return {};
  return { base64: { head: head.toString('base64'), tail: tail.toString('base64') } };
}

/** UTF-8: bytes 10xxxxxx continue a character. The cut may have gone through one. */
const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

function withoutCutStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && continues(bytes[start])) start++;
  return bytes.subarray(start);
}

function withoutCutEnd(bytes: Buffer): Buffer {
  let last = bytes.length - 1;
  while (last >= 0 && bytes.length - last < 4 && continues(bytes[last])) last--;
  const lead = bytes[last];
  if (lead === undefined || lead < 0xc0) return bytes;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  return bytes.length - last < length ? bytes.subarray(0, last) : bytes;
}
