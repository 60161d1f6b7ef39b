import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy between a browser and a gateway, whose connections can be cut. */
export interface NetworkProxy {
  /** The origin at which the browser reaches the gateway. */
  origin: string;
  /** Closes all open connections, and refuses new ones until `reconnect` is called. */
  disconnect(): void;
  reconnect(): void;
  close(): Promise<void>;
}

export async function startNetworkProxy(gateway: URL): Promise<NetworkProxy> {
  const openSockets = new Set<Socket>();
  let isDisconnected = false;
  const server = createServer((client) => {
    if (isDisconnected) return void client.destroy();
    const upstream = connect(Number(gateway.port), gateway.hostname);
    for (const [source, target] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      openSockets.add(source);
      source.on('error', () => target.destroy());
      source.on('close', () => {
        openSockets.delete(source);
        target.destroy();
      });
      source.pipe(target);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const disconnect = () => {
    isDisconnected = true;
    for (const socket of openSockets) socket.destroy();
  };
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    disconnect,
    reconnect: () => (isDisconnected = false),
    async close() {
      disconnect();
      server.close();
      await once(server, 'close');
    },
  };
}
