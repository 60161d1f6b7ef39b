import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { stack } from './stack';

const run = promisify(execFile);

/** Runs kubectl as the stack's administrator. @throws Error with what kubectl said. */
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

/** Deletes all that users have in the cluster. Does not wait for its end. */
export async function removeUsers(...users: string[]): Promise<void> {
  const namespaces = users.map((user) => `user-${user}`);
  await kubectl('delete', 'namespace', ...namespaces, '--wait=false', '--ignore-not-found');
}

interface Pod {
  metadata: { name: string; uid: string; labels: Record<string, string> };
  status: { phase: string; containerStatuses?: { restartCount: number; ready: boolean }[] };
}

/** The pods of a namespace that are not on their way out. */
export async function podsOf(namespace: string): Promise<Pod[]> {
  const list = JSON.parse(await kubectl('get', 'pods', '-n', namespace, '-o', 'json')) as {
    items: (Pod & { metadata: { deletionTimestamp?: string } })[];
  };
  return list.items.filter(({ metadata }) => !metadata.deletionTimestamp);
}

/** What the programs of a namespace wrote. A pod that goes while kubectl reads the list is passed over. */
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

/** Names of pods in order, with `*` for what a Deployment adds to its own. */
export function namesOf(pods: Pod[]): string[] {
  return pods.map(({ metadata: { name } }) => name.replace(/-prod-[0-9a-f]+-\w{5}$/, '-prod-*')).sort();
}
