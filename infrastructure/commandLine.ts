/** Invalid arguments: the process exits with code 2. The message explains the usage. */
export class UsageError extends Error {}

/**
 * Runs a command and prints its result as JSON. An error is printed to stderr; the exit code is then 2 for a
 * UsageError, otherwise 1.
 */
export function runCommandLine(main: (args: string[]) => Promise<unknown>): void {
  main(process.argv.slice(2)).then(
    (report) => {
      process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    },
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = error instanceof UsageError ? 2 : 1;
    },
  );
}
