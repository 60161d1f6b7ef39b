import type { Readable } from 'node:stream';
import type { SubmissionFrame, SubmissionRecord } from '..';
import { EXIT, exitCodeOf } from './exitCodes';

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

export function painted(text: string, colour: keyof typeof COLOURS, { colours }: Terminal): string {
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
      return terminal.err(`${painted(`submission ${frame.submission_id}`, 'dim', terminal)}\n`);
    case 'stage': {
      const time = frame.duration_ms === undefined ? '' : ` (${Math.round(frame.duration_ms)} ms)`;
      const why = frame.message === undefined ? '' : `: ${frame.message}`;
      return terminal.err(`${painted(`${frame.stage} ${frame.state}${time}${why}`, 'dim', terminal)}\n`);
    }
    case 'output': {
      const bytes =
        frame.data === undefined ? Buffer.from(frame.text ?? '') : Buffer.from(frame.data, 'base64');
      const shown = terminal.colours ? withoutControls(bytes) : bytes;
      return frame.stream === 'stdout' ? terminal.out(shown) : terminal.err(shown.toString());
    }
    case 'case':
      return terminal.err(
        `${markOf(frame.outcome === 'passed', terminal)} ${frame.name}: ${frame.outcome}\n`,
      );
    case 'test':
      return terminal.err(
        `${markOf(frame.outcome === 'passed', terminal)} ${frame.name}: ${frame.outcome}\n${frame.message ?? ''}`,
      );
    case 'step':
      return terminal.err(`${painted(`${frame.step} ${frame.state}`, 'dim', terminal)}\n`);
    case 'rollout':
      return terminal.err(`${painted(`rollout ${frame.outcome}`, 'dim', terminal)}\n`);
  }
}

export function verdictLine(
  { status, reason, message }: Pick<SubmissionRecord, 'status' | 'reason' | 'message'>,
  terminal: Terminal,
): string {
  // The message may quote output of the program.
  const shown = terminal.colours ? withoutControls(Buffer.from(message ?? '')).toString() : (message ?? '');
  const colour = status === 'running' ? 'yellow' : exitCodeOf(status) === EXIT.done ? 'green' : 'red';
  return `${painted(status, colour, terminal)}${reason === null ? '' : ` (${reason})`} ${shown}`.trim();
}

export function recordLine(record: SubmissionRecord, terminal: Terminal): string {
  const { submission_id: id, user_id: user, accepted_at: at } = record;
  return `${at}  ${id.padEnd(36)}  ${user.padEnd(12)}  ${verdictLine({ ...record, message: null }, terminal)}`;
}

function markOf(passed: boolean, terminal: Terminal): string {
  return passed ? painted('✓', 'green', terminal) : painted('✗', 'red', terminal);
}

/**
 * Replaces control characters except newlines and tabs: the program is not trusted, and a terminal would
 * execute them.
 */
export function withoutControls(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('utf8').replaceAll(/(?![\n\t])\p{Cc}/gu, '\ufffd'));
}
