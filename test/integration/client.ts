import { once } from 'node:events';
import WebSocket from 'ws';
import { contractOf, httpUrl, type FaultsOf } from './contract';
import type { Platform } from './platform';

export type Frame = Record<string, unknown>;

export interface Closing {
  code: number;
  reason: string;
}

/** How long to wait for a frame, in milliseconds. */
const PATIENCE_MS = 300_000;

/**
 * A client like wscat: sends text, keeps every frame that it receives, and validates it against the contract.
 */
export class Client {
  readonly frames: Frame[] = [];
  /** When each frame arrived, in milliseconds since the epoch. */
  readonly arrivals = new WeakMap<Frame, number>();
  readonly #socket: WebSocket;
  readonly #closing: Promise<Closing>;
  #arrived = () => {};
  #fault: Error | undefined;

  private constructor(socket: WebSocket, faultsOf: FaultsOf) {
    this.#socket = socket;
    this.#closing = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame;
      this.arrivals.set(frame, Date.now());
      this.frames.push(frame);
      const faults = faultsOf(frame);
      if (faults) this.#fault ??= new Error(`${data.toString()} is against the schema: ${faults}`);
      this.#arrived();
    });
  }

  /**
   * @throws Error, for example `Unexpected server response: 401`, when the gateway refuses the connection.
   */
  static async connect({ url, apiKey }: Pick<Platform, 'url' | 'apiKey'>, query = ''): Promise<Client> {
    const faultsOf = await contractOf(httpUrl(url));
    const socket = new WebSocket(`${url}${query}`, { headers: { 'X-API-Key': apiKey } });
    const client = new Client(socket, faultsOf);
    await once(socket, 'open');
    return client;
  }

  /** Sends one message: a string unchanged, anything else as JSON. */
  send(message: unknown): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /**
   * The first frame that matches, whether it has already arrived or not.
   * @throws Error with all received frames, when the connection closes or no frame matches in time
   */
  async frame(matches: (frame: Frame) => boolean): Promise<Frame> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, `no such frame in ${PATIENCE_MS / 1_000} s`);
    });
    const closing = this.#closing.then(({ code }) => `closed with ${code}`);
    try {
      for (;;) {
        if (this.#fault) throw this.#fault;
        const found = this.frames.find(matches);
        if (found) return found;
        const arrived = new Promise<void>((resolve) => (this.#arrived = resolve));
        const end = await Promise.race([arrived, closing, deadline]);
        if (end) throw new Error(`${end} after ${JSON.stringify(this.frames)}`);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a submission and waits for its final frame. */
  async submit(userId: string, code: string): Promise<Frame> {
    this.frames.length = 0;
    this.send({ user_id: userId, code });
    return this.frame((frame) => 'status' in frame || frame.type === 'error');
  }

  /** The code and reason with which the connection closes. */
  closed(): Promise<Closing> {
    return this.#closing;
  }

  /** Terminates the connection without a close frame, as a network failure does. */
  drop(): void {
    this.#socket.terminate();
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.#closing;
    if (this.#fault) throw this.#fault;
  }
}
