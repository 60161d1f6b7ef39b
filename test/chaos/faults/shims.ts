import { readdirSync, readFileSync } from 'node:fs';
import { readSettings, statePaths } from '../../../local-stack/settings';
import { patiently } from '../patience';
import type { Fault } from './fault';

interface Shim {
  pid: number;
  /** Id of the pod's sandbox. */
  id: string;
}

/** SIGKILL of the containerd shim of one pod of a user. */
export const killShim: Fault = async ({ kube, users }, random) => {
  const user = random.pick(users);
  const { items } = await patiently(() => kube.core.listNamespacedPod({ namespace: `user-${user}` }));
  const found = items.flatMap(({ metadata }) => {
    const shim = shimOf(metadata?.uid ?? '');
    return shim ? [{ pod: metadata!, shim }] : [];
  });
  if (found.length === 0) return null;
  const { pod, shim } = random.pick(found);
  process.kill(shim.pid, 'SIGKILL');
  return {
    what: `of ${pod.name}`,
    user,
    ...(pod.name === `${user}-test` && { executionsLost: true as const }),
  };
};

/** The shim of a pod's containers on this machine. */
export function shimOf(podUid: string): Shim | undefined {
  if (podUid === '') return undefined;
  return shimsOf(statePaths(readSettings()).containerdSocket).find(({ pid }) => holds(pid, podUid));
}

function shimsOf(socket: string): Shim[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      const words = textOf(`/proc/${pid}/cmdline`).split('\0');
      if (!words[0]?.includes('containerd-shim-runc') || !words.includes(socket)) return [];
      return [{ pid: Number(pid), id: words[words.indexOf('-id') + 1] ?? '' }];
    });
}

/** A shim's containers are its children, and a container's cgroup contains its pod's uid. */
function holds(shim: number, podUid: string): boolean {
  const children = tasksOf(shim).flatMap((task) =>
    textOf(`/proc/${shim}/task/${task}/children`).split(' ').filter(Boolean),
  );
  return children.some((child) => textOf(`/proc/${child}/cgroup`).includes(podUid));
}

const tasksOf = (pid: number) => ofLiving(() => readdirSync(`/proc/${pid}/task`)) ?? [];

const textOf = (path: string) => ofLiving(() => readFileSync(path, 'utf8')) ?? '';

/** Returns null when the process has exited. */
function ofLiving<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
