/** A bare `ws` echo server: the baseline for the gateway. */
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false }, () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ msg: 'echo ready', url: `ws://127.0.0.1:${port}` }));
});
server.on('connection', (socket) =>
  socket.on('message', (data: Buffer) => socket.send(data, { binary: false })),
);
process.once('SIGTERM', () => process.exit(0));
