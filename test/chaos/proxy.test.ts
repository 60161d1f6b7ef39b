import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Link } from './proxy';

/** Connections that are cut, slow or hanging, to an echo server. */

let server: Server;
let link: Link;
const open: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    open.push(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  link = await Link.to({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
});

afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await link.close();
  server.close();
  await once(server, 'close');
});

function start(): Socket {
  const [host, port] = link.address.split(':');
  const socket = createConnection({ host, port: Number(port) });
  open.push(socket);
  socket.on('error', () => undefined);
  return socket;
}

async function connect(): Promise<Socket> {
  const socket = start();
  await once(socket, 'connect');
  return socket;
}

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [piece] = (await once(socket, 'data')) as [Buffer];
  return piece.toString();
}

/** Unlike `once`, this does not reject on an error before the close. */
const closed = (socket: Socket) => new Promise<void>((resolve) => socket.on('close', () => resolve()));

const within = <T>(ms: number, work: Promise<T>) =>
  Promise.race([work, new Promise<string>((resolve) => setTimeout(resolve, ms, 'nothing'))]);

test('an open way carries bytes both ways, and both ends', async () => {
  const socket = await connect();
  expect(await echoed(socket, 'a')).toBe('a');
  socket.end();
  await closed(socket);
});

test('a cut way breaks what there is and refuses what comes, until it heals', async () => {
  const socket = await connect();
  expect(await echoed(socket, 'a')).toBe('a');
  link.cut();
  await closed(socket);
  await closed(start());
  link.heal();
  expect(await echoed(await connect(), 'b')).toBe('b');
});

test('a silent way keeps its connections and carries nothing; healed, it breaks them', async () => {
  const socket = await connect();
  expect(await echoed(socket, 'a')).toBe('a');
  link.hang();
  expect(await within(100, echoed(socket, 'b'))).toBe('nothing');
  expect(socket.destroyed).toBe(false);
  link.heal();
  await closed(socket);
  expect(await echoed(await connect(), 'c')).toBe('c');
});

test('a slow way carries everything later, in order', async () => {
  const socket = await connect();
  link.delay(50);
  const began = performance.now();
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString()));
  for (const letter of 'abcdef') socket.write(letter);
  while (text.length < 6) await once(socket, 'data');
  expect(text).toBe('abcdef');
  expect(performance.now() - began).toBeGreaterThanOrEqual(95);
});
