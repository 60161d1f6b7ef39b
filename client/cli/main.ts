import { setFlagsFromString } from 'node:v8';
import { runCommand } from './commands';
import { exitCodeOfError } from './exitCodes';
import { ApiError } from '..';

/** `orchestration-app`: the command-line client. */

// V8 would optimize the HTTP parser behind `fetch` in the background, and Node exit only afterwards: 0.1 s later.
setFlagsFromString('--liftoff-only');

const colours = process.stdout.isTTY === true && !process.env.NO_COLOR;

function describeError(error: unknown): string {
  if (error instanceof ApiError) return `${error.code}: ${error.message}. ${error.advice}`;
  return error instanceof Error ? error.message : String(error);
}

runCommand(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  colours,
  input: () => process.stdin,
}).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = exitCodeOfError(error);
  },
);
