/** The position of a frame in a submission, the same on every gateway. */
export type Cursor = HistoryCursor | OutputCursor;

/** `EVENT.INDEX`: the n-th frame of an event of the history. */
export interface HistoryCursor {
  event: number;
  index: number;
}

/** `EVENT.EXECUTION.STDOUT.STDERR`: the output emitted so far of the tests that the event scheduled. */
export interface OutputCursor {
  event: number;
  output: OutputPlace;
}

/** How far the output of an execution was emitted: the offset of the next byte in each of its streams. */
export interface OutputPlace {
  execution: string;
  stdout: number;
  stderr: number;
}

export function formatCursor(cursor: Cursor): string {
  if (!('output' in cursor)) return `${cursor.event}.${cursor.index}`;
  const { execution, stdout, stderr } = cursor.output;
  return `${cursor.event}.${execution}.${stdout}.${stderr}`;
}

/** Null if the text is not a cursor. */
export function parseCursor(text: string): Cursor | null {
  const frame = /^(\d{1,9})\.(\d{1,9})$/.exec(text);
  if (frame) return { event: Number(frame[1]), index: Number(frame[2]) };
  const output = /^(\d{1,9})\.([0-9a-zA-Z_-]{1,64})\.(\d{1,15})\.(\d{1,15})$/.exec(text);
  if (!output) return null;
  const [, event, execution = '', stdout, stderr] = output;
  return {
    event: Number(event),
    output: { execution, stdout: Number(stdout), stderr: Number(stderr) },
  };
}

/**
 * Whether the frame at `cursor` comes after the one at `other`. Output of the tests that an event scheduled
 * comes after that event's own frames, and before those of the next event. Output of the same event always
 * counts as later: it is emitted from the known offsets on.
 */
export function comesAfter(cursor: Cursor, other: Cursor): boolean {
  if (cursor.event !== other.event) return cursor.event > other.event;
  if ('output' in cursor) return true;
  return !('output' in other) && cursor.index > other.index;
}
