import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * `open` forwards bytes; `cut` closes existing connections and refuses new ones; `hang` keeps connections but
 * forwards nothing, like a broken network; `delay` forwards each piece later.
 */
type State = { is: 'open' } | { is: 'cut' } | { is: 'hang' } | { is: 'delay'; ms: number };

/** A TCP proxy on loopback between a process and a server, which can cut, delay or hang its connections. */
export class Link {
  private state: State = { is: 'open' };
  private readonly pairs = new Set<[Socket, Socket]>();

  private constructor(
    private readonly target: { host: string; port: number },
    private readonly server: Server,
  ) {
    server.on('connection', (near) => this.connect(near));
  }

  static async to(target: { host: string; port: number }): Promise<Link> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Link(target, server);
  }

  /** HOST:PORT to connect to. */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.state = { is: 'cut' };
    this.breakAll();
  }

  hang(): void {
    this.state = { is: 'hang' };
  }

  /** @param ms added to each piece, in both directions */
  delay(ms: number): void {
    this.state = { is: 'delay', ms };
  }

  /** Connections that hung are closed, as if the network between them had lost their state. */
  heal(): void {
    const hung = this.state.is === 'hang';
    this.state = { is: 'open' };
    if (hung) this.breakAll();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private connect(near: Socket): void {
    if (this.state.is === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const far = createConnection({ ...this.target, allowHalfOpen: true, noDelay: true });
    const pair: [Socket, Socket] = [near, far];
    this.pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      this.carry(from, to);
      // An error is followed by `close`, whose handler ends both sockets.
      from.on('error', () => undefined);
      from.on('close', () => {
        this.pairs.delete(pair);
        to.destroy();
      });
    }
  }

  /** Pieces keep their order: each waits for the previous one. */
  private carry(from: Socket, to: Socket): void {
    let before = Promise.resolve();
    const then = (step: () => void) => {
      const { state } = this;
      const pause = state.is === 'delay' ? state.ms : 0;
      const due = Date.now() + pause;
      before = before.then(async () => {
        const left = due - Date.now();
        if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
        if (!to.destroyed && this.state.is !== 'hang') step();
      });
    };
    from.on('data', (piece) =>
      then(() => {
        if (to.write(piece)) return;
        from.pause();
        to.once('drain', () => from.resume());
      }),
    );
    from.on('end', () => then(() => to.end()));
  }

  private breakAll(): void {
    for (const [near, far] of this.pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.pairs.clear();
  }
}
