import type { RunReport } from '../../../activities/ports';
import type { ErrorPatterns } from '../../../sandbox/languages/languages';

/** The error that a program or its language reports. For display: it never decides whether a run passed. */
export type ProgramError = NonNullable<RunReport['error']>;

const MAX_MESSAGE_CHARACTERS = 1_000;

/**
 * Finds the last error in a program's stderr, and the innermost of the program's own files in it.
 * @param stderr the end of the program's stderr
 * @returns null when no error of the language is found
 */
export function readProgramError(patterns: ErrorPatterns, stderr: string): ProgramError | null {
  const { start, message, frame, innermost } = patterns;
  const begin = start === undefined ? 0 : [...stderr.matchAll(start)].at(-1)?.index;
  if (begin === undefined) return null;
  const text = stderr.slice(begin);
  const [said] = text.matchAll(message);
  if (said?.[1] === undefined) return null;
  const own = [...text.matchAll(frame)].at(innermost === 'first' ? 0 : -1);
  return {
    message: said[1].slice(0, MAX_MESSAGE_CHARACTERS),
    file: own?.[1] ?? null,
    line: own === undefined ? null : Number(own[2]),
  };
}
