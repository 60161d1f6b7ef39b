import { exactTime } from '../../infrastructure/kubernetes/logs/line';
import { LogOffsets, type LogOffset } from '../../infrastructure/kubernetes/logs/logOffsets';

/** A position in logs. Reading that continues from here repeats no line and leaves none out. */
export interface LogCursor {
  /** Lines before this time are not wanted, from any pod. */
  from: string;
  offsets: LogOffsets;
}

/** Pods in a cursor: those with the latest lines. Any other pod is read from `from` on. */
const MAX_PODS = 16;

const POD = /^[a-z0-9][-a-z0-9.]{0,252}$/;

/** Formats a cursor as `FROM;POD@TIME+LINES;...`. */
export function logCursorText({ from, offsets }: LogCursor): string {
  const latest = offsets.entries().slice(0, MAX_PODS);
  return [from, ...latest.map(([pod, { at, lines }]) => `${pod}@${at}+${lines}`)].join(';');
}

/** Null if the text is not a cursor. */
export function parseLogCursor(text: string): LogCursor | null {
  const [first = '', ...rest] = text.split(';');
  const from = exactTime(first);
  const offsets = rest.map(offsetOf);
  if (from === null || rest.length > MAX_PODS || offsets.includes(null)) return null;
  return { from, offsets: new LogOffsets(offsets.filter((offset) => offset !== null)) };
}

function offsetOf(text: string): [pod: string, offset: LogOffset] | null {
  const [, pod = '', time = '', lines = ''] = /^([^@]+)@([^+]+)\+(\d{1,9})$/.exec(text) ?? [];
  const at = exactTime(time);
  return at !== null && POD.test(pod) ? [pod, { at, lines: Number(lines) }] : null;
}
