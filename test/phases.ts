import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** A program and its arguments. */
export type Command = [string, ...string[]];

/**
 * The fields of the output of `jest --json` that are read here. Times are in milliseconds since the epoch.
 */
interface JestResults {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  testResults: {
    name: string;
    startTime: number;
    endTime: number;
    /** The error of a file that could not run at all. */
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

const SLOWEST_FILES = 10;

/** How many lines of each failure the summary repeats. */
const FAILURE_LINES = 12;
const LINE_CHARACTERS = 400;

/**
 * How long Jest may take to exit after writing its results, in milliseconds; else a test left something open.
 */
const MAX_EXIT_MS = 20_000;

/** The phases of a test run: what failed, how long each took, and the slowest test files. */
export class Phases {
  readonly failed: string[] = [];
  /** What was not started, because it would not have ended in time. */
  readonly leftOut: string[] = [];
  private readonly durations: { name: string; seconds: number }[] = [];
  private readonly files: { name: string; seconds: number }[] = [];
  private readonly tests = { passed: 0, failed: 0, skipped: 0 };
  private readonly failures: string[] = [];

  /** @param stopped stops the running command; no other one is started */
  constructor(private readonly stopped: AbortSignal) {}

  /**
   * Runs a command to completion, with this process's output.
   * @param file the command counts as done when this file exists; it fails if it does not exit soon after
   */
  async run(name: string, [program, ...args]: Command, file?: string): Promise<void> {
    await this.measure(name, async () => {
      // A separate process group: when only Jest is ended, its workers and what tests started keep running.
      const child = spawn(program, args, { stdio: 'inherit', detached: true });
      const stop = (signal: NodeJS.Signals) => child.pid !== undefined && process.kill(-child.pid, signal);
      const onAbort = () => stop('SIGTERM');
      this.stopped.addEventListener('abort', onAbort);
      let hung = false;
      const watch =
        file === undefined ? undefined : onceThere(file, MAX_EXIT_MS, () => (hung = stop('SIGKILL')));
      const [code] = (await once(child, 'exit')) as [number | null];
      watch?.stop();
      this.stopped.removeEventListener('abort', onAbort);
      if (hung) this.failures.push(`${name}: Jest did not end, as a test left something open.`);
      if (code !== 0) this.failed.push(name);
    });
  }

  /** Runs Jest, and counts its tests. */
  async jest(name: string, args: string[]): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), 'jest-'));
    const file = join(directory, 'results.json');
    const jest = join('node_modules', '.bin', 'jest');
    await this.run(name, [process.execPath, jest, ...args, '--json', `--outputFile=${file}`], file);
    if (existsSync(file)) this.count(JSON.parse(readFileSync(file, 'utf8')) as JestResults);
    rmSync(directory, { recursive: true });
  }

  /** Measures work that is not a command. @throws what `work` throws */
  async measure<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.stopped.aborted) return undefined;
    console.log(`\n=== ${name}`);
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.durations.push({ name, seconds: (performance.now() - started) / 1_000 });
    }
  }

  /** Whether any test ran: a run without tests, for example because of a misspelt file, proves nothing. */
  get ranTests(): boolean {
    return this.tests.passed + this.tests.failed > 0;
  }

  /** The last line is machine-readable: `N passed, N failed, N skipped`. */
  summary(): string {
    const line = ({ name, seconds }: { name: string; seconds: number }) =>
      `${seconds.toFixed(1).padStart(8)} s  ${name}`;
    const slowest = this.files.sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST_FILES);
    const { passed, failed, skipped } = this.tests;
    return [
      '\nTime of each phase:',
      ...this.durations.map(line),
      ...(this.failures.length > 0 ? ['\nWhat failed:', ...this.failures] : []),
      ...(slowest.length > 0 ? ['\nSlowest test files:', ...slowest.map(line)] : []),
      ...(this.leftOut.length > 0
        ? [`\nNOT RUN, as this machine was too slow: ${this.leftOut.join(', ')}.`]
        : []),
      this.failed.length === 0 ? '\nAll passed.' : `\nFailed: ${this.failed.join(', ')}.`,
      ...(this.ranTests ? [`${passed} passed, ${failed} failed, ${skipped} skipped`] : []),
    ].join('\n');
  }

  private count({ numPassedTests, numFailedTests, numPendingTests, testResults }: JestResults): void {
    this.tests.passed += numPassedTests;
    this.tests.failed += numFailedTests;
    this.tests.skipped += numPendingTests;
    for (const { name, startTime, endTime, message, assertionResults } of testResults) {
      const file = relative(process.cwd(), name);
      this.files.push({ name: file, seconds: (endTime - startTime) / 1_000 });
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      for (const { fullName, failureMessages } of failed)
        this.failures.push(`${file}: ${fullName}\n${beginning(failureMessages.join('\n'))}`);
      if (assertionResults.length === 0 && message !== '')
        this.failures.push(`${file}\n${beginning(message)}`);
    }
  }
}

/** The first lines of a failure, indented, without colours and without lines of packages. */
function beginning(message: string): string {
  const lines = stripVTControlCharacters(message).split('\n');
  const ours = lines.filter((line) => line.trim() !== '' && !line.includes('/node_modules/'));
  return ours
    .slice(0, FAILURE_LINES)
    .map((line) => `    ${line.slice(0, LINE_CHARACTERS)}`)
    .join('\n');
}

/** Calls `callback` some time after a file exists, unless stopped before. */
function onceThere(file: string, after: number, callback: () => void): { stop: () => void } {
  let timer: NodeJS.Timeout = setInterval(() => {
    if (!existsSync(file)) return;
    clearInterval(timer);
    timer = setTimeout(callback, after);
  }, 1_000);
  return { stop: () => clearTimeout(timer) };
}
