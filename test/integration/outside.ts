import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { inNodeNetwork } from './nodeNetwork';

/** Accepts connections at the addresses of its arguments, greets and closes them. Begins and ends by its input. */
const SERVER = `
import socket, sys, threading
sys.stdin.readline()
listeners = [socket.create_server((host, int(port))) for host, port in (each.split(':') for each in sys.argv[1:])]
def serve(listener):
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=answer, args=(peer,), daemon=True).start()
def answer(peer):
    with peer:
        try:
            peer.settimeout(5)
            request = peer.recv(4096)
            peer.sendall(b'HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: 7\\r\\n\\r\\noutside')
        except OSError:
            pass
for listener in listeners: threading.Thread(target=serve, args=(listener,), daemon=True).start()
print('listening', flush=True)
sys.stdin.read()
`;

/** The end of the link at the node. All hosts outside are in its range, or routed through the other end. */
const NODE_ADDRESS = '203.0.113.1';
/** The other end: an address outside that pods reach if network policies allow it. */
export const GATEWAY_ADDRESS = '203.0.113.2';

/** What lies beyond the cluster, as far as pods can tell. */
export interface Outside {
  /** The process id of the server: its network namespace is the outside. */
  pid: number;
  /** Removes all of it. */
  close(): Promise<void>;
}

/**
 * A network namespace with hosts that accept connections, linked to the node of the local stack. Nothing in it has a
 * route to another network, so that nothing is ever sent to the owner of an address.
 * @param targets as `IP:PORT`
 */
export async function startOutside(targets: string[]): Promise<Outside> {
  const child = spawn('unshare', ['--net', 'python3', '-c', SERVER, ...targets]);
  const ended = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const pid = child.pid ?? 0;
  const close = async () => {
    child.stdin.end();
    await ended;
  };
  try {
    await inItsNetwork(pid);
    await link(pid, [...new Set(targets.map((target) => target.split(':')[0] ?? ''))]);
    child.stdin.write('begin\n');
    const lines = createInterface(child.stdout);
    await Promise.race([
      once(lines, 'line'),
      ended.then(() => Promise.reject(new Error(`The server outside did not start: ${errors}`))),
    ]);
    return { pid, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs a command with the network of the outside. */
async function outside(pid: number, ...command: string[]): Promise<void> {
  await inNodeNetwork('nsenter', '--target', String(pid), '--net', ...command);
}

/** `unshare` has replaced itself with the server, so that its network is a new one. */
async function inItsNetwork(pid: number): Promise<void> {
  const devices = () => inNodeNetwork('nsenter', '--target', String(pid), '--net', 'ip', '-o', 'link');
  for (let tries = 0; (await devices()).trim().split('\n').length > 1; tries++)
    if (tries === 50) throw new Error('The server outside has no network of its own.');
}

/** Creates a veth pair, which the kernel removes with the network namespace of the outside. */
async function link(pid: number, addresses: string[]): Promise<void> {
  const device = `outside-${randomBytes(3).toString('hex')}`;
  await inNodeNetwork(
    ...['ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)],
  );
  await inNodeNetwork('ip', 'address', 'add', `${NODE_ADDRESS}/32`, 'dev', device);
  await inNodeNetwork('ip', 'link', 'set', device, 'up');
  await outside(pid, 'ip', 'link', 'set', 'lo', 'up');
  await outside(pid, 'ip', 'link', 'set', 'eth0', 'up');
  await outside(pid, 'ip', 'address', 'add', `${GATEWAY_ADDRESS}/32`, 'dev', 'eth0');
  await outside(pid, 'ip', 'route', 'add', NODE_ADDRESS, 'dev', 'eth0');
  await outside(pid, 'ip', 'route', 'add', 'default', 'via', NODE_ADDRESS);
  await inNodeNetwork('ip', 'route', 'add', GATEWAY_ADDRESS, 'dev', device);
  for (const address of addresses) {
    await outside(pid, 'ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
    await inNodeNetwork('ip', 'route', 'add', address, 'via', GATEWAY_ADDRESS);
  }
}
