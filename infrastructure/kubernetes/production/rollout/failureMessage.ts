import type { Problem } from '../../pods/problem';

/** The message is stored in the workflow's memo and shown in full: a few lines that show the cause. */
const LINES = 6;
const CHARACTERS = 1_000;

/** How a program fails that unexpectedly reaches the end of its input: Python, then Node. */
const WANTS_INPUT =
  /^EOFError\b|EOF when reading a line|Unexpected end of JSON input|Detected unsettled top-level await|readline was closed/m;

const INPUT_HINT =
  'It seems to read input, which ends at once in production. To test it without deploying it, submit it with "deploy": false.';

/** What entry.py prints about an exit that the problem already describes. */
const SAID_ALREADY = /^orchestration: program (failed|stopped|completed) after /;

/** Why a rollout failed, for the author of the program: with the last lines that it printed. */
export function failureMessage(
  { reason, message }: Pick<Problem, 'reason' | 'message'>,
  logs: string,
): string {
  const lines = logs.split('\n').filter((line) => line.trim() !== '' && !SAID_ALREADY.test(line));
  if (lines.length === 0) return message;
  const hint = reason === 'crash_loop' && WANTS_INPUT.test(logs) ? ` ${INPUT_HINT}` : '';
  const last = lines.slice(-LINES).join('\n').slice(-CHARACTERS);
  return `${message}${hint} Last lines:\n${last}`;
}
