import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** A program and its arguments. */
export type Command = [string, ...string[]];

/** What `jest --json` writes of a run, as far as it is read here. Times in milliseconds since the epoch. */
interface JestResults {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  testResults: { name: string; startTime: number; endTime: number }[];
}

const SLOWEST_FILES = 10;

/** The phases of a test run: what failed, how long each took, and which test files were the slowest. */
export class Phases {
  readonly failed: string[] = [];
  private readonly durations: { name: string; seconds: number }[] = [];
  private readonly files: { name: string; seconds: number }[] = [];
  private readonly tests = { passed: 0, failed: 0, skipped: 0 };

  /** @param stopped ends the command that runs; no further one is started */
  constructor(private readonly stopped: AbortSignal) {}

  /** Runs a command to its end, with this process's output. */
  async run(name: string, [program, ...args]: Command): Promise<void> {
    await this.measure(name, async () => {
      // A process group of its own: Jest leaves its workers running, and what tests started, when it is ended alone.
      const child = spawn(program, args, { stdio: 'inherit', detached: true });
      const stop = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
      this.stopped.addEventListener('abort', stop);
      const [code] = (await once(child, 'exit')) as [number | null];
      this.stopped.removeEventListener('abort', stop);
      if (code !== 0) this.failed.push(name);
    });
  }

  /** Runs Jest, and counts its tests. */
  async jest(name: string, args: string[]): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), 'jest-'));
    const file = join(directory, 'results.json');
    const jest = join('node_modules', '.bin', 'jest');
    await this.run(name, [process.execPath, jest, ...args, '--json', `--outputFile=${file}`]);
    if (existsSync(file)) this.count(JSON.parse(readFileSync(file, 'utf8')) as JestResults);
    rmSync(directory, { recursive: true });
  }

  /** Does something that is no command. @throws what it throws */
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

  /** Whether any test ran: a run in which none did, for a misspelt file for instance, proves nothing. */
  get ranTests(): boolean {
    return this.tests.passed + this.tests.failed > 0;
  }

  /** The last line has the form that machines read: `N passed, N failed, N skipped`. */
  summary(): string {
    const line = ({ name, seconds }: { name: string; seconds: number }) =>
      `${seconds.toFixed(1).padStart(8)} s  ${name}`;
    const slowest = this.files.sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST_FILES);
    const { passed, failed, skipped } = this.tests;
    return [
      '\nTime of each phase:',
      ...this.durations.map(line),
      ...(slowest.length > 0 ? ['\nSlowest test files:', ...slowest.map(line)] : []),
      this.failed.length === 0 ? '\nAll passed.' : `\nFailed: ${this.failed.join(', ')}.`,
      ...(this.ranTests ? [`${passed} passed, ${failed} failed, ${skipped} skipped`] : []),
    ].join('\n');
  }

  private count({ numPassedTests, numFailedTests, numPendingTests, testResults }: JestResults): void {
    this.tests.passed += numPassedTests;
    this.tests.failed += numFailedTests;
    this.tests.skipped += numPendingTests;
    for (const { name, startTime, endTime } of testResults)
      this.files.push({ name: relative(process.cwd(), name), seconds: (endTime - startTime) / 1_000 });
  }
}
