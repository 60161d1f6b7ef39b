import { join } from 'node:path';
import { ServerProcess, type ServerSpecification } from '../machine/serverProcess';
import type { Part } from '../part';
import { statePaths, type Settings } from '../settings';

/** A part that is one server process. */
export interface ServerPartOptions {
  settings: Settings;
  name: string;
  /** Asked at each start, also when it is started again after it died. */
  specification: () => Promise<Omit<ServerSpecification, 'name' | 'logFile'>>;
  /** True when it serves; throwing counts as not yet. */
  isReady: (pid: number) => Promise<boolean>;
  /** Milliseconds to become ready. */
  readyWithin: number;
  /** Whether it still does its work, for a server that can run on without; throwing counts as no. */
  works?: () => Promise<boolean>;
  /** Marks its process as belonging to this; the state directory when missing, as for every server. */
  owner?: string;
}

/** A server of the stack, its log in the state directory's logs folder under its name. */
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

  /** True when it ended although nobody stopped it. */
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

  /** Resolves when the server ends although nobody stopped it; stays pending at a stop. */
  async diedUnasked(): Promise<{ obituary: string; error: Error }> {
    const process = this.running();
    const how = await process.ended;
    if (!process.died) return new Promise<never>(() => undefined);
    return { obituary: process.obituary, error: process.failure(how) };
  }

  /** True for a server of which nobody can tell. */
  async works(): Promise<boolean> {
    try {
      return (await this.options.works?.()) ?? true;
    } catch {
      return false;
    }
  }

  /** Ends it at once; it counts as one that died. */
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
