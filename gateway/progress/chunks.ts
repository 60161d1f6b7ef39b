import { isUtf8 } from 'node:buffer';
import type { OutputFrame, Unplaced } from '../protocol/serverFrames';

export type Stream = 'stdout' | 'stderr';
export const STREAMS: readonly Stream[] = ['stdout', 'stderr'];

/** Bytes that a step printed, and where in its stream they stand. */
export interface Chunk {
  step: string;
  stream: Stream;
  offset: number;
  data: Buffer;
}

/** The most that one frame carries, in bytes. */
export const MAX_CHUNK_BYTES = 65_536;

/** The frame that brings a piece: as text if it can be, in base64 otherwise. */
export function frameOf({ data, ...piece }: Chunk): Unplaced<OutputFrame> {
  const frame = { type: 'output' as const, ...piece, bytes: data.length };
  if (isUtf8(data)) return { ...frame, text: data.toString('utf8') };
  return { ...frame, encoding: 'base64', data: data.toString('base64') };
}

/** The first bytes, at most `most`, without half a character at their end unless they are nothing else. */
export function firstChunk(data: Buffer, most = MAX_CHUNK_BYTES): Buffer {
  if (data.length <= most) return data;
  const cut = data.subarray(0, most);
  const whole = withoutHalfCharacter(cut);
  return whole.length > 0 ? whole : cut;
}

/** Cuts off the beginning of a character of UTF-8 whose end is missing. */
export function withoutHalfCharacter(data: Buffer): Buffer {
  // A character has at most 4 bytes: one lead, and up to 3 of the form 10xxxxxx.
  for (let back = 1; back <= Math.min(4, data.length); back++) {
    const byte = data[data.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return back < length ? data.subarray(0, data.length - back) : data;
  }
  return data;
}
