import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { stack } from './stack';

const run = promisify(execFile);

/** Runs kubectl as the stack's administrator. @throws Error with kubectl's output */
export async function kubectl(...args: string[]): Promise<string> {
  const { kubectl, kubeconfig, kubeContext } = stack();
  const [program, ...first] = kubectl as [string, ...string[]];
  const { stdout } = await run(
    program,
    [...first, '--kubeconfig', kubeconfig, '--context', kubeContext, ...args],
    {
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return stdout;
}

/** Deletes everything of these users in the cluster, without waiting until it is gone. */
export async function removeUsers(...users: string[]): Promise<void> {
  const namespaces = users.map((user) => `user-${user}`);
  await kubectl('delete', 'namespace', ...namespaces, '--wait=false', '--ignore-not-found');
}

interface Pod {
  metadata: { name: string; uid: string; labels: Record<string, string> };
  status: { phase: string; containerStatuses?: { restartCount: number; ready: boolean }[] };
}

/** The pods of a namespace that are not terminating. */
export async function podsOf(namespace: string): Promise<Pod[]> {
  const list = JSON.parse(await kubectl('get', 'pods', '-n', namespace, '-o', 'json')) as {
    items: (Pod & { metadata: { deletionTimestamp?: string } })[];
  };
  return list.items.filter(({ metadata }) => !metadata.deletionTimestamp);
}

/** The output of a namespace's programs. Pods that are deleted while kubectl reads the list are skipped. */
export const programLogs = (namespace: string): Promise<string> =>
  kubectl(
    'logs',
    '-n',
    namespace,
    '-l',
    'component=program',
    '-c',
    'program',
    '--tail=-1',
    '--ignore-errors',
  );

/** Sorted names of pods, with `*` for the suffix that a Deployment adds. */
export function namesOf(pods: Pod[]): string[] {
  return pods.map(({ metadata: { name } }) => name.replace(/-prod-[0-9a-f]+-\w{5}$/, '-prod-*')).sort();
}
