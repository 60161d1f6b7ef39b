import { join } from 'node:path';
import { ServerProcess, type ServerSpecification } from '../machine/serverProcess';
import type { Part } from '../part';
import { statePaths, type Settings } from '../settings';

/** The options of a part that is a single server process. */
export interface ServerPartOptions {
  settings: Settings;
  name: string;
  /** Called at each start, including restarts. */
  specification: () => Promise<Omit<ServerSpecification, 'name' | 'logFile'>>;
  /** True when it is ready; an error counts as not ready yet. */
  isReady: (pid: number) => Promise<boolean>;
  /** Milliseconds within which it must become ready. */
  readyWithin: number;
  /** Whether it still works, for a server that can hang; an error counts as false. */
  works?: () => Promise<boolean>;
  /**
   * The owner that its process is marked with; by default the state directory, as for the stack's servers.
   */
  owner?: string;
}

/** A server of the stack. Its log is in the logs folder of the state directory, under its name. */
export class ServerPart implements Part {
  readonly name: string;
  protected process: ServerProcess | undefined;

  constructor(private readonly options: ServerPartOptions) {
    this.name = options.name;
  }

  get logFile(): string {
    return join(statePaths(this.options.settings).logs, `${this.name}.log`);
  }

  get pid(): number | undefined {
    return this.process?.runs ? this.process.pid : undefined;
  }

  /** True when it ended without being stopped. */
  get died(): boolean {
    return this.process?.died ?? false;
  }

  async start(): Promise<void> {
    const specification = await this.options.specification();
    this.process = ServerProcess.start(
      { ...specification, name: this.name, logFile: this.logFile },
      this.options.owner ?? this.options.settings.stateDirectory,
    );
  }

  async ready(): Promise<void> {
    const process = this.running();
    await process.waitUntil(() => this.options.isReady(process.pid as number), this.options.readyWithin);
  }

  /** Resolves when the server ends without being stopped; stays pending when it is stopped. */
  async exitedUnexpectedly(): Promise<{ obituary: string; error: Error }> {
    const process = this.running();
    const how = await process.ended;
    if (!process.died) return new Promise<never>(() => undefined);
    return { obituary: process.obituary, error: process.failure(how) };
  }

  /** Also true for a server without such a check. */
  async works(): Promise<boolean> {
    try {
      return (await this.options.works?.()) ?? true;
    } catch {
      return false;
    }
  }

  /** Kills it at once; it counts as died. */
  kill(): void {
    this.process?.kill();
  }

  async stop(graceMilliseconds?: number): Promise<void> {
    await this.process?.stop(graceMilliseconds);
  }

  private running(): ServerProcess {
    if (!this.process) throw new Error(`${this.name} was not started.`);
    return this.process;
  }
}
