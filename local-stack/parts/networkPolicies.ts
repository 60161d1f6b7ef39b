import { networkPolicyProgram } from '../artifacts/networkPolicyProgram';
import { ensurePrograms, networkPolicyPrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import { nodeName, type Settings } from '../settings';
import type { ClusterContext } from './context';
import type { Node } from './node';
import { optional } from './optional';
import { ServerPart } from './serverPart';

/** The chain of the packet filter that packets to and from pods pass through. */
const FORWARD_CHAIN = 'KUBE-ROUTER-FORWARD';

/**
 * The program that enforces network policies, if this machine can run it; else undefined, and the reason is
 * reported in one line.
 */
export function usableNetworkPolicies(
  settings: Settings,
  progress: Progress,
  node: Node,
): Promise<string | undefined> {
  return optional(progress, 'Network policies are not enforced on this machine', async () => {
    await ensurePrograms(networkPolicyPrerequisites, progress);
    const program = await networkPolicyProgram(settings, progress);
    await tryOut(node);
    return program;
  });
}

/** Network policies need sets of addresses in the packet filter, which not every kernel has. */
async function tryOut(node: Node): Promise<void> {
  const run = (...command: string[]) => node.runInNetwork(...command);
  await run('ipset', 'create', 'trial', 'hash:net', '-exist');
  try {
    await run(
      'iptables',
      '-w',
      '-C',
      'FORWARD',
      '-m',
      'set',
      '--match-set',
      'trial',
      'src',
      '-j',
      'ACCEPT',
    ).catch((error: unknown) => {
      // The rule does not exist, and that is the only thing that may be wrong.
      if (!/Bad rule|does a matching rule exist/.test((error as Error).message)) throw error;
    });
  } finally {
    await run('ipset', 'destroy', 'trial');
  }
}

/** Enforces the network policies of the cluster with rules of the packet filter, all of them inside the node. */
export function networkPolicies(context: ClusterContext, node: Node, program: string): ServerPart {
  const { settings, credentials } = context;
  return new ServerPart({
    settings,
    name: 'network-policies',
    specification: () =>
      Promise.resolve({
        command: program,
        args: [
          `--kubeconfig=${credentials.kubeconfigs['network-policies']}`,
          `--hostname-override=${nodeName}`,
          `--service-cluster-ip-range=${settings.network.serviceRange}`,
        ],
        environment: { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` },
        namespacesOf: node.namespaces,
      }),
    isReady: async () => {
      const rules = await node.runInNetwork('iptables', '-w', '-S', FORWARD_CHAIN);
      return rules.includes('-j');
    },
    readyWithin: 60_000,
  });
}
