import { once } from 'node:events';
import WebSocket from 'ws';
import { linkedAbort } from '../infrastructure/linkedAbort';

/** A connection with one request at a time, to any server that answers each message with one frame. */
export interface Asking {
  /** @throws Error when there is no answer within the deadline */
  ask(message: object): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

const DEADLINE_MS = 300_000;

export async function connectTo(url: string, apiKey: string): Promise<Asking> {
  const socket = new WebSocket(url, { headers: { 'X-API-Key': apiKey } });
  await once(socket, 'open');
  return {
    async ask(message) {
      const closed = linkedAbort([], DEADLINE_MS);
      const onClose = () => closed.abort(new Error('The connection was closed before the answer.'));
      socket.once('close', onClose);
      try {
        const answer = once(socket, 'message', { signal: closed.signal });
        socket.send(JSON.stringify(message));
        const [data] = (await answer) as [Buffer];
        return JSON.parse(data.toString()) as Record<string, unknown>;
      } finally {
        socket.off('close', onClose);
        closed.abort();
      }
    },
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

/** @throws Error with the answer, when its status is another one */
export async function askFor(status: string, connection: Asking, message: object) {
  const answer = await connection.ask(message);
  if (answer.status !== status) throw new Error(`Not ${status}: ${JSON.stringify(answer)}`);
  return answer;
}
