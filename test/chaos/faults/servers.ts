import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { readStackState } from '../../../local-stack/endpoints';
import type { Server } from '../kinds';
import { harmFor, HEALED_WITHIN_MS, type Fault } from './fault';
import { seconds } from './members';

/** SIGKILL of a server of the local stack, which restarts it. */
export const killServer =
  (server: Server): Fault =>
  () => {
    const pid = pidOf(server);
    if (pid === undefined) return Promise.resolve(null);
    signalTree(pid, 'SIGKILL');
    const heal = async () => {
      const deadline = Date.now() + HEALED_WITHIN_MS;
      for (let now = pidOf(server); now === undefined || now === pid; now = pidOf(server)) {
        if (Date.now() > deadline)
          throw new Error(`${server} was not started again in ${seconds(HEALED_WITHIN_MS)}.`);
        await wait(100);
      }
    };
    return Promise.resolve({ what: server, heal });
  };

export const pauseServer =
  (server: Server, least: number, most: number): Fault =>
  (reach, random) => {
    const pid = pidOf(server);
    if (pid === undefined) return Promise.resolve(null);
    const ms = random.between(least, most);
    signalTree(pid, 'SIGSTOP');
    const heal = async () => {
      await harmFor(ms, reach);
      signalTree(pid, 'SIGCONT');
    };
    return Promise.resolve({ what: `${server} for ${seconds(ms)}`, heal });
  };

/** Undefined for a server that this machine's stack does not run. */
function pidOf(server: Server): number | undefined {
  return readStackState()?.pids[server];
}

/**
 * Also signals children: the pid is that of `nsenter` (servers of the node) or a launcher (Elasticsearch).
 */
function signalTree(pid: number, signal: NodeJS.Signals): void {
  const parents = parentsOfAll();
  const tree = [pid];
  for (const member of tree) for (const [child, parent] of parents) if (parent === member) tree.push(child);
  for (const member of tree.reverse()) {
    try {
      process.kill(member, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function parentsOfAll(): [child: number, parent: number][] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => [Number(entry), parentOf(entry)]);
}

/** 0 for a process that has exited. */
function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
}
