import { isUtf8 } from 'node:buffer';
import type { OutputFrame, Unplaced } from '../protocol/serverFrames';

export type Stream = 'stdout' | 'stderr';
export const STREAMS: readonly Stream[] = ['stdout', 'stderr'];

/** Bytes that a step printed, and their offset in its stream. */
export interface Chunk {
  step: string;
  stream: Stream;
  offset: number;
  data: Buffer;
}

/** The most output in one frame, in bytes. */
export const MAX_CHUNK_BYTES = 65_536;

/** The frame for a chunk: as text if it is valid UTF-8, otherwise in base64. */
export function frameOf({ data, ...piece }: Chunk): Unplaced<OutputFrame> {
  const frame = { type: 'output' as const, ...piece, bytes: data.length };
  if (isUtf8(data)) return { ...frame, text: data.toString('utf8') };
  return { ...frame, encoding: 'base64', data: data.toString('base64') };
}

/**
 * The first bytes, at most `most`. Does not end with an incomplete character, unless there is nothing else.
 */
export function firstChunk(data: Buffer, most = MAX_CHUNK_BYTES): Buffer {
  if (data.length <= most) return data;
  const cut = data.subarray(0, most);
  const whole = withoutHalfCharacter(cut);
  return whole.length > 0 ? whole : cut;
}

/** Removes an incomplete UTF-8 character from the end. */
export function withoutHalfCharacter(data: Buffer): Buffer {
  // A character has at most 4 bytes: a lead byte, and up to 3 of the form 10xxxxxx.
  for (let back = 1; back <= Math.min(4, data.length); back++) {
    const byte = data[data.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return back < length ? data.subarray(0, data.length - back) : data;
  }
  return data;
}
