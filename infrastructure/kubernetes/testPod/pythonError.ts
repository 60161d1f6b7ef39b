/** For people: what a Python traceback says. Never decides whether a run passed. */
export interface ProgramError {
  message: string;
  file: string | null;
  line: number | null;
}

/** A folder of a run, as in `/work/12/main.py`: its number means nothing to anybody. */
const RUN_FOLDER = /^\/work\/\d+\//;

const FRAME = /^ {2}File "(.+)", line (\d+)/gm;

/** `ZeroDivisionError: division by zero`, `KeyboardInterrupt`, `module.Error: text`. */
const EXCEPTION = /^[A-Za-z_][\w.]*(?:: .*)?$/;

const MAX_MESSAGE_CHARACTERS = 1_000;

/**
 * The last line of the last traceback in a program's stderr, and the innermost of its own files that it names.
 * @param stderr the end of it
 * @returns null when it does not end with a traceback
 */
export function readTraceback(stderr: string): ProgramError | null {
  const start = stderr.lastIndexOf('Traceback (most recent call last):');
  if (start < 0) return null;
  const traceback = stderr.slice(start);
  const lines = traceback.trimEnd().split('\n');
  // A message may have several lines; the exception's own is the first that is not indented.
  const message = lines.slice(1).find((line) => !line.startsWith(' ') && line !== '');
  if (message === undefined || !EXCEPTION.test(message)) return null;
  const own = [...traceback.matchAll(FRAME)].filter(([, file = '']) => RUN_FOLDER.test(file)).at(-1);
  return {
    message: message.slice(0, MAX_MESSAGE_CHARACTERS),
    file: own?.[1]?.replace(RUN_FOLDER, '') ?? null,
    line: own === undefined ? null : Number(own[2]),
  };
}
