import { setMaxListeners } from 'node:events';
import type { Part } from './part';
import { ServerPart } from './parts/serverPart';
import { keepRunning } from './supervisor';

/** The running parts of the stack, in the order in which they were started. */
export class Servers {
  private readonly inOrder: Part[] = [];
  /** Parts that nothing else depends on: they are stopped at once, in parallel with the others. */
  private readonly independent: Part[] = [];
  private readonly stopping = new AbortController();
  private stopped: Promise<void> | undefined;
  private giveUp: (reason: Error) => void = () => undefined;

  /** Rejects with the end of its log when a server dies and is not restarted again. */
  readonly failed = new Promise<never>((_, reject) => (this.giveUp = reject));

  /** @param restarted called when a server that died is ready again, with a new pid */
  constructor(
    private readonly say: (line: string) => void,
    private readonly restarted: () => void = () => undefined,
  ) {
    // Every watched server adds a listener.
    setMaxListeners(0, this.stopping.signal);
    // Without this, a failure that nothing awaits yet would be an unhandled rejection.
    this.failed.catch(() => undefined);
  }

  /**
   * Starts a part, waits until it is ready, and restarts it when it dies later.
   * @throws Error when it does not become ready, or when the stack is being stopped.
   */
  async start<P extends Part>(part: P, order: 'in order' | 'independent' = 'in order'): Promise<P> {
    this.throwIfStopping();
    (order === 'in order' ? this.inOrder : this.independent).push(part);
    await part.start();
    if (this.stopping.signal.aborted) await part.stop(0);
    this.throwIfStopping();
    await part.ready();
    if (part instanceof ServerPart)
      keepRunning(part, {
        say: this.say,
        restarted: this.restarted,
        stopping: this.stopping.signal,
      }).catch(this.giveUp);
    return part;
  }

  /** Pids of the servers by the name of their part. */
  pids(): Record<string, number> {
    const servers = [...this.inOrder, ...this.independent].filter((part) => part instanceof ServerPart);
    return Object.fromEntries(servers.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid]])));
  }

  /**
   * Stops the parts in reverse order. Calling it again stops the rest at once. Rejects with the first
   * failure, after all parts were stopped.
   */
  stop(): Promise<void> {
    if (this.stopped === undefined) {
      this.stopping.abort();
      this.stopped = this.stopAll();
    } else {
      for (const part of [...this.inOrder, ...this.independent]) part.stop(0).catch(this.giveUp);
    }
    return this.stopped;
  }

  private async stopAll(): Promise<void> {
    const failures: unknown[] = [];
    const end = (part: Part) => part.stop().catch((error: unknown) => failures.push(error));
    const beside = this.independent.map(end);
    for (const part of this.inOrder.toReversed()) await end(part);
    await Promise.all(beside);
    if (failures.length > 0) throw failures[0];
  }

  private throwIfStopping(): void {
    if (this.stopping.signal.aborted) throw new Error('The stack is being stopped.');
  }
}
