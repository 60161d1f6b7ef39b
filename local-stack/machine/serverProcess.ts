import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { childrenOf } from '../../infrastructure/processIdentity';

/** A long-running program and its configuration. */
export interface ServerSpecification {
  name: string;
  command: string;
  args: readonly string[];
  /** Added to the environment of this process; undefined removes a variable. */
  environment?: Record<string, string | undefined>;
  directory?: string;
  /** File for standard output and error. The file of the previous run is kept as FILE.1. */
  logFile: string;
  /** The user and group to run as, without supplementary groups. */
  user?: { uid: number; gid: number };
  /** Host pid of the first process in the namespaces to enter. */
  namespacesOf?: number;
  /** Milliseconds between SIGTERM and SIGKILL when stopping. */
  graceMilliseconds?: number;
}

/**
 * Every started process has this variable in its environment, so that leftovers of a crash can be identified.
 */
export const ownershipVariable = 'ORCHESTRATION_STACK_STATE';

/** Milliseconds between two readiness checks. */
const pollInterval = 50;

/**
 * A running server. The kernel sends it SIGKILL when this process ends, even if this process was killed
 * (setpriv --pdeathsig).
 */
export class ServerProcess {
  /** Resolves with a description of how it ended. */
  readonly ended: Promise<string>;
  private endedWith: string | undefined;
  private stopping = false;

  private constructor(
    private readonly specification: ServerSpecification,
    private readonly child: ChildProcess,
  ) {
    this.ended = new Promise((resolve) => {
      const end = (text: string) => resolve((this.endedWith ??= text));
      child.once('error', (error) => end(`could not be run: ${error.message}`));
      child.once('exit', (code, signal) =>
        end(signal ? `was ended by ${signal}` : `ended with exit code ${code}`),
      );
    });
  }

  /** @param owner - the value of the ownership variable. */
  static start(specification: ServerSpecification, owner: string): ServerProcess {
    const log = openLog(specification.logFile);
    const [command, ...args] = commandLine(specification);
    const child = spawn(command as string, args, {
      cwd: specification.directory ?? '/',
      env: { ...process.env, ...specification.environment, [ownershipVariable]: owner },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    return new ServerProcess(specification, child);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** One line on how it ended, for a server that is restarted: by then, its log has been renamed. */
  get obituary(): string {
    const { name, logFile } = this.specification;
    return `${name} ${this.endedWith ?? 'runs'} (its log: ${logFile}.1)`;
  }

  /** True when it ended without being stopped. */
  get died(): boolean {
    return this.endedWith !== undefined && !this.stopping;
  }

  get runs(): boolean {
    return this.endedWith === undefined;
  }

  /**
   * Waits until `check` resolves to true; an error of `check` counts as not ready yet.
   * @throws Error with the last reason and the end of the log, when it died or `timeout` milliseconds passed.
   */
  async waitUntil(check: () => Promise<boolean>, timeout: number): Promise<void> {
    const deadline = Date.now() + timeout;
    let reason = 'the check said no';
    while (this.runs) {
      try {
        if (await check()) return;
      } catch (error) {
        reason = (error as Error).message;
      }
      if (Date.now() > deadline) throw this.failure(`was not ready within ${timeout / 1000} s: ${reason}`);
      await Promise.race([wait(pollInterval), this.ended]);
    }
    throw this.failure(this.endedWith ?? 'ended');
  }

  /** Creates an error about this server, with the end of its log. */
  failure(what: string): Error {
    return new Error(
      `${this.specification.name} ${what}. ${this.specification.logFile} ends with:\n${logTail(this.specification.logFile)}`,
    );
  }

  /** Sends SIGTERM, then SIGKILL after the grace period. Resolves when the process has ended. */
  async stop(grace = this.specification.graceMilliseconds ?? 5000): Promise<void> {
    this.stopping = true;
    if (!this.runs) return;
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), grace);
    await this.ended;
    clearTimeout(timer);
  }

  /** Sends SIGKILL, as a fault would: the server counts as died. */
  kill(): void {
    this.signal('SIGKILL');
  }

  private signal(signal: NodeJS.Signals): void {
    const pid = this.child.pid;
    if (pid === undefined || !this.runs) return;
    // The child is nsenter, which does not forward signals and ends with the program: signal the program.
    const targets = this.specification.namespacesOf === undefined ? [pid] : childrenOf(pid);
    for (const target of targets.length > 0 ? targets : [pid]) {
      try {
        process.kill(target, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }
}

function commandLine({ command, args, user, namespacesOf }: ServerSpecification): string[] {
  const as = user
    ? ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups', '--inh-caps=-all']
    : [];
  const inside =
    namespacesOf === undefined
      ? []
      : ['nsenter', '--target', String(namespacesOf), '--mount', '--net', '--pid'];
  return ['setpriv', '--pdeathsig', 'KILL', ...as, '--', ...inside, command, ...args];
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  if (statSync(path, { throwIfNoEntry: false })) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

/** The last lines of a log file, each truncated to a readable length. */
export function logTail(path: string, lines = 25): string {
  const text = statSync(path, { throwIfNoEntry: false }) ? readFileSync(path, 'utf8') : '';
  const last = text.trimEnd().split('\n').slice(-lines);
  return last.map((line) => `  ${line.slice(0, 300)}`).join('\n') || '  (nothing)';
}
