/** Parses the log of a test pod, whose format is described in sandbox/test-pod/PROTOCOL.md. */

export interface StartLine {
  type: 'start';
  /** Unique id of the execution. */
  execution: string;
  /** Key of the run, as the worker requested it. */
  key: string;
}

export interface OutputLine {
  type: 'output';
  stream: 'stdout' | 'stderr';
  /** Offset of the first byte, in the stream of its execution. */
  offset: number;
  data: Buffer;
}

export interface EndLine {
  type: 'end';
}

/** How a test case ended, as judged by the worker. */
export interface CaseLine {
  type: 'case';
  /** Starts at 1. */
  number: number;
  total: number;
  outcome: string;
  durationMs: number;
  /** Key of the test case's run. */
  key: string;
  name: string;
}

export type LogLine = StartLine | OutputLine | EndLine | CaseLine;

const START = /^\[\S+\] start .* execution=(\S+) key=(\S+)$/s;
const OUTPUT = /^\[\S+ (out|err) (\d+)(-?)(\\?)\] ?(.*)$/s;
const CASE = /^\[\S+\] case (\d+) of (\d+) (\w+) in ([\d.]+) ms key=(\S+) name=(".*")$/s;
const END = /^\[\S+\] end /;

/** Null for any other line. @param line without its newline */
export function parseLogLine(line: string): LogLine | null {
  const output = OUTPUT.exec(line);
  if (output) {
    const [, stream, offset, unfinished, escaped, text = ''] = output;
    const bytes = escaped ? unescape(text) : Buffer.from(text);
    const data = unfinished ? bytes : Buffer.concat([bytes, NEWLINE]);
    return { type: 'output', stream: stream === 'out' ? 'stdout' : 'stderr', offset: Number(offset), data };
  }
  const start = START.exec(line);
  if (start) return { type: 'start', execution: start[1] ?? '', key: start[2] ?? '' };
  const found = CASE.exec(line);
  if (found) return caseLine(found);
  return END.test(line) ? { type: 'end' } : null;
}

function caseLine([
  ,
  number,
  total,
  outcome = '',
  ms,
  key = '',
  name = '',
]: RegExpExecArray): CaseLine | null {
  try {
    const counted = { number: Number(number), total: Number(total), durationMs: Number(ms) };
    return { type: 'case', ...counted, outcome, key, name: String(JSON.parse(name)) };
  } catch {
    return null;
  }
}

const NEWLINE = Buffer.from('\n');

/** Undoes `\\` for a backslash and `\xHH` for a byte. */
function unescape(text: string): Buffer {
  const parts = text.split(/(\\\\|\\x[0-9a-fA-F]{2})/);
  return Buffer.concat(
    parts.map((part, index) => {
      if (index % 2 === 0) return Buffer.from(part);
      return part === '\\\\' ? Buffer.from('\\') : Buffer.from(part.slice(2), 'hex');
    }),
  );
}
