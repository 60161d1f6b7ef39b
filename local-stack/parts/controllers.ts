import type { PortName } from '../settings';
import type { ClusterContext } from './context';
import { httpStatus } from './httpCheck';
import { ServerPart } from './serverPart';

/** The controllers of Deployments, StatefulSets, namespaces, service account tokens and so on. */
export function controllerManager(context: ClusterContext): ServerPart {
  const { settings, credentials } = context;
  return controller(context, 'controller-manager', 'controllerManager', [
    '--use-service-account-credentials',
    `--service-account-private-key-file=${credentials.serviceAccounts.privateKey}`,
    `--root-ca-file=${credentials.authority.certificate}`,
    `--cluster-cidr=${settings.network.podRange}`,
    '--allocate-node-cidrs=false',
  ]);
}

/** Assigns pods to the node. */
export function scheduler(context: ClusterContext): ServerPart {
  return controller(context, 'scheduler', 'scheduler', []);
}

function controller(
  { settings, programs, credentials }: ClusterContext,
  client: 'controller-manager' | 'scheduler',
  portName: PortName,
  options: string[],
): ServerPart {
  const kubeconfig = credentials.kubeconfigs[client];
  const port = settings.ports[portName];
  const name = `kube-${client}` as const;
  return new ServerPart({
    settings,
    name,
    specification: () => {
      const program = programs(name);
      return Promise.resolve({
        command: program.command,
        args: [
          ...program.args,
          '--bind-address=127.0.0.1',
          `--secure-port=${port}`,
          `--kubeconfig=${kubeconfig}`,
          `--authentication-kubeconfig=${kubeconfig}`,
          `--authorization-kubeconfig=${kubeconfig}`,
          // There is only one instance: it need not wait for the lease of a killed predecessor.
          '--leader-elect=false',
          '--profiling=false',
          ...options,
        ],
      });
    },
    // Its self-signed certificate is new at each start, which suffices for a health check on loopback.
    isReady: async () => (await httpStatus(`https://127.0.0.1:${port}/healthz`, 'unverified')) === 200,
    readyWithin: 60_000,
  });
}
