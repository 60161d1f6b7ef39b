import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { nodeProcess } from '../build';

/** How to start a process of the platform. */
export interface Specification {
  name: string;
  entry: string;
  /** Message of the JSON log line that reports that it is ready. */
  readyMessage: string;
  environment: Record<string, string>;
  logFile: string;
}

/** Timeout of a start, in milliseconds; on two busy cores it can take three minutes. */
const READY_WITHIN_MS = 300_000;
const RESTART_PAUSE_MS = 1_000;

/** A process that is restarted whenever it ends, as a Deployment would do. */
export class KeptProcess {
  /** How often it ended without being stopped or killed by the driver. */
  deaths = 0;
  /** The last log line that reported that it is ready. */
  ready: Record<string, unknown> = {};
  private child: ChildProcess | undefined;
  private readonly log: WriteStream;
  private stopping = false;
  private killed = false;
  private isReady = false;
  private pauseMs = RESTART_PAUSE_MS;
  private running: Promise<void> | undefined;

  constructor(
    readonly specification: Specification,
    private readonly say: (text: string) => void,
  ) {
    this.log = createWriteStream(specification.logFile, { flags: 'a' });
  }

  /** Resolves when it is ready for the first time. */
  async start(): Promise<void> {
    this.running = this.keep();
    await this.untilReady();
  }

  /** @throws Error when it does not become ready in time */
  async untilReady(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!this.isReady) {
      if (Date.now() > deadline)
        throw new Error(`${this.specification.name} is not ready: see ${this.specification.logFile}`);
      await wait(50);
    }
  }

  /** Sends SIGKILL; the process is restarted after a pause. */
  async kill(pauseMs: number): Promise<void> {
    this.killed = true;
    this.pauseMs = pauseMs;
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.isReady = false;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** Resolves with whether it ended by itself after SIGTERM. */
  async stop(graceMs = 60_000): Promise<boolean> {
    this.stopping = true;
    this.child?.kill('SIGCONT');
    this.child?.kill('SIGTERM');
    let inTime = true;
    const timer = setTimeout(() => {
      inTime = false;
      this.child?.kill('SIGKILL');
    }, graceMs);
    await this.running;
    clearTimeout(timer);
    this.log.end();
    return inTime;
  }

  private async keep(): Promise<void> {
    while (!this.stopping) {
      await this.run();
      this.isReady = false;
      if (this.stopping) return;
      if (!this.killed) {
        this.deaths++;
        this.say(`${this.specification.name} ended by itself: see ${this.specification.logFile}`);
      }
      await wait(this.pauseMs);
      this.killed = false;
      this.pauseMs = RESTART_PAUSE_MS;
    }
  }

  private async run(): Promise<void> {
    const { entry, environment, readyMessage } = this.specification;
    // The kernel ends it together with the driver, however the driver ends.
    const { args, environment: ofBuild } = nodeProcess(entry);
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', process.execPath, ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...ofBuild, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stderr.on('data', (piece) => this.log.write(piece));
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.log.write(`${line}\n`);
      if (this.isReady || !line.includes(readyMessage)) return;
      this.ready = JSON.parse(line) as Record<string, unknown>;
      this.isReady = this.ready.msg === readyMessage;
    });
    await once(child, 'exit');
  }
}
