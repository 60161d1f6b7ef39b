import type { Readable } from 'node:stream';
import type { SubmissionFrame, SubmissionRecord } from '..';
import { EXIT, exitCodeOfStatus } from './exitCodes';

/** The terminal of the user, or what its streams are redirected to. */
export interface Terminal {
  out: (text: string | Uint8Array) => void;
  /** Writes progress, separate from the output of the program. */
  err: (text: string) => void;
  colours: boolean;
  /** What the user types or pipes in. */
  input: () => Readable;
}

const COLOURS = { green: 32, red: 31, yellow: 33, dim: 2 };

export function colourize(text: string, colour: keyof typeof COLOURS, { colours }: Terminal): string {
  return colours ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/**
 * Shows a frame. Output of the program goes to the stream on which it was printed, everything else is
 * progress.
 */
export function showFrame(frame: SubmissionFrame, terminal: Terminal): void {
  if ('status' in frame) return terminal.err(`${verdictLine(frame, terminal)}\n`);
  switch (frame.type) {
    case 'accepted':
      return terminal.err(`${colourize(`submission ${frame.submission_id}`, 'dim', terminal)}\n`);
    case 'stage': {
      const time = frame.duration_ms === undefined ? '' : ` (${Math.round(frame.duration_ms)} ms)`;
      const suffix = frame.message === undefined ? '' : `: ${frame.message}`;
      return terminal.err(`${colourize(`${frame.stage} ${frame.state}${time}${suffix}`, 'dim', terminal)}\n`);
    }
    case 'output': {
      const bytes =
        frame.data === undefined ? Buffer.from(frame.text ?? '') : Buffer.from(frame.data, 'base64');
      const printable = terminal.colours ? replaceControlCharacters(bytes) : bytes;
      return frame.stream === 'stdout' ? terminal.out(printable) : terminal.err(printable.toString());
    }
    case 'case':
      return terminal.err(
        `${checkMark(frame.outcome === 'passed', terminal)} ${frame.name}: ${frame.outcome}\n`,
      );
    case 'test':
      return terminal.err(
        `${checkMark(frame.outcome === 'passed', terminal)} ${frame.name}: ${frame.outcome}\n${frame.message ?? ''}`,
      );
    case 'step':
      return terminal.err(`${colourize(`${frame.step} ${frame.state}`, 'dim', terminal)}\n`);
    case 'rollout':
      return terminal.err(`${colourize(`rollout ${frame.outcome}`, 'dim', terminal)}\n`);
  }
}

export function verdictLine(
  { status, reason, message }: Pick<SubmissionRecord, 'status' | 'reason' | 'message'>,
  terminal: Terminal,
): string {
  // The message may quote output of the program.
  const printable = terminal.colours
    ? replaceControlCharacters(Buffer.from(message ?? '')).toString()
    : (message ?? '');
  const colour = status === 'running' ? 'yellow' : exitCodeOfStatus(status) === EXIT.done ? 'green' : 'red';
  return `${colourize(status, colour, terminal)}${reason === null ? '' : ` (${reason})`} ${printable}`.trim();
}

export function recordLine(record: SubmissionRecord, terminal: Terminal): string {
  const { submission_id: id, user_id: user, accepted_at: at } = record;
  return `${at}  ${id.padEnd(36)}  ${user.padEnd(12)}  ${verdictLine({ ...record, message: null }, terminal)}`;
}

function checkMark(passed: boolean, terminal: Terminal): string {
  return passed ? colourize('✓', 'green', terminal) : colourize('✗', 'red', terminal);
}

/**
 * Replaces control characters except newlines and tabs: the program is not trusted, and a terminal would
 * execute them.
 */
export function replaceControlCharacters(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('utf8').replaceAll(/(?![\n\t])\p{Cc}/gu, '\ufffd'));
}
