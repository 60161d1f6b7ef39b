import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { readStackNote } from '../../local-stack/endpoints';
import { childrenOf } from '../../infrastructure/processIdentity';

/** One execution of a piece of submitted code, as it told of itself when it began. */
export interface Execution {
  at: number;
  submissionId: string;
  /** Which of the submission's programs: `run`, `case-1`, `test`, `migration`, `production`. */
  unit: string;
  /** Name of the pod that it ran in. */
  pod: string;
  /** Made anew by each process: one that tells twice is one. */
  token: string;
}

/** Counts executions: programs connect to it and say one line. */
export interface Tally {
  /** PORT of `host`. */
  port: number;
  executions: Execution[];
  close(): Promise<void>;
}

const LONGEST_LINE = 1_000;

/** @param host an address that the pods reach */
export async function openTally(host: string): Promise<Tally> {
  const executions = new Map<string, Execution>();
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => socket.destroy()); // It tells again.
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('data', (piece) => {
      text += piece.toString();
      if (text.length > LONGEST_LINE) socket.destroy();
      if (!text.endsWith('\n')) return;
      const [submissionId = '', unit = '', pod = '', token = ''] = text.trim().split(' ');
      executions.set(token, { at: Date.now(), submissionId, unit, pod, token });
      socket.end('k');
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await door('--insert', host, port);
  return {
    port,
    get executions() {
      return [...executions.values()];
    },
    async close() {
      await door('--delete', host, port);
      server.close();
      await once(server, 'close');
    },
  };
}

/** The local stack's node lets pods reach its own servers alone: this is a way to one more, for the time of a run. */
async function door(change: '--insert' | '--delete', host: string, port: number): Promise<void> {
  const node = readStackNote()?.pids.node;
  const inside = node === undefined ? undefined : childrenOf(node)[0];
  if (inside === undefined)
    throw new Error('Executions are counted on the local stack alone, and none runs.');
  const rule = ['FORWARD', '-i', 'cni0', '-o', 'eth0', '-d', host, '-p', 'tcp', '--dport', String(port)];
  const command = [
    '--target',
    String(inside),
    '--net',
    'iptables',
    '--wait',
    change,
    ...rule,
    '-j',
    'ACCEPT',
  ];
  await promisify(execFile)('nsenter', command);
}
