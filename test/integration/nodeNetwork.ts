import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { childrenOf } from '../../infrastructure/processIdentity';
import { readStackState } from '../../local-stack/endpoints';

const run = promisify(execFile);

/** The process id of the node of the local stack, whose network namespace all pods are attached to. */
function nodePid(): string {
  const pid = readStackState()?.pids.node;
  const first = pid === undefined ? undefined : childrenOf(pid)[0];
  if (first === undefined) throw new Error('These tests need the node of a local stack on this machine.');
  return String(first);
}

/** Runs a command in the network namespace of the node. @returns its output */
export async function inNodeNetwork(...command: string[]): Promise<string> {
  const { stdout } = await run('nsenter', ['--target', nodePid(), '--net', ...command]);
  return stdout;
}

/**
 * Lets pods whose network policies allow it connect to a port of this machine, which node-init.sh forbids.
 * @returns a function that undoes it
 */
export async function openMachinePort(host: string, port: number): Promise<() => Promise<void>> {
  const packets = [
    '-i',
    'cni0',
    '-o',
    'eth0',
    '-d',
    host,
    '-p',
    'tcp',
    '--dport',
    String(port),
    '-j',
    'ACCEPT',
  ];
  const change = async (mangle: string[], filter: string[]) => {
    await inNodeNetwork('iptables', '-w', '-t', 'mangle', ...mangle, ...packets);
    await inNodeNetwork('iptables', '-w', ...filter, ...packets);
  };
  // In the filter table, the rules of network policies stay first.
  await change(['-I', 'FORWARD', '1'], ['-I', 'FORWARD', '2']);
  return () => change(['-D', 'FORWARD'], ['-D', 'FORWARD']);
}

const LISTENER = `
import socket, sys, threading
listeners = [socket.create_server((host, int(port))) for host, port in (each.split(':') for each in sys.argv[1:])]
def accept(listener):
    while True: listener.accept()[0].close()
for listener in listeners: threading.Thread(target=accept, args=(listener,), daemon=True).start()
print('listening', flush=True)
sys.stdin.read()
`;

/**
 * Accepts TCP connections at addresses of the node, and closes them.
 * @param addresses as `IP:PORT`; an IP that the node does not have is added to it until `close`
 */
export async function listenInNode(addresses: string[]): Promise<{ close(): Promise<void> }> {
  const added = addresses.map((address) => `${address.split(':')[0]}/32`);
  for (const address of added) await inNodeNetwork('ip', 'address', 'replace', address, 'dev', 'lo');
  const child = spawn('nsenter', ['--target', nodePid(), '--net', 'python3', '-c', LISTENER, ...addresses]);
  const ended = once(child, 'exit');
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => Promise.reject(new Error(`The listener at ${addresses.join(', ')} did not start.`))),
  ]);
  return {
    async close() {
      child.stdin.end();
      await ended;
      for (const address of added) await inNodeNetwork('ip', 'address', 'delete', address, 'dev', 'lo');
    },
  };
}
