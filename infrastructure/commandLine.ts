/** A command that is not understood: it ends with 2, and its message says how it is written. */
export class UsageError extends Error {}

/** Runs a command: what it returns is printed as JSON; a failure goes to stderr and ends with 1, a wrong usage with 2. */
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
