import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { listeningInode, portHolder } from '../../local-stack/machine/portHolder';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:2329 0100007F:A0B2 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
`;

test('finds the socket that listens on a port in the table of the kernel', () => {
  expect(listeningInode(table, 0x1c41)).toBe('4711');
});

test('a connection is not a listener, and another port is not this one', () => {
  expect(listeningInode(table, 0x2329)).toBeUndefined();
  expect(listeningInode(table, 0x1c42)).toBeUndefined();
});

test('names the process that listens, and nobody once it closed', async () => {
  const server: Server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(portHolder(port)?.pid).toBe(process.pid);
  expect(portHolder(port)?.description).toContain(`pid ${process.pid}`);
  server.close();
  await once(server, 'close');
  expect(portHolder(port)).toBeUndefined();
});
