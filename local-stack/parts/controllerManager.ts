import type { ClusterContext } from './context';
import { httpStatus } from './httpCheck';
import { ServerPart } from './serverPart';

/** The controllers of Deployments, StatefulSets, namespaces, service account tokens and the rest. */
export function controllerManager({ settings, programs, credentials }: ClusterContext): ServerPart {
  const kubeconfig = credentials.kubeconfigs['controller-manager'];
  const port = settings.ports.controllerManager;
  return new ServerPart({
    settings,
    name: 'kube-controller-manager',
    specification: () => {
      const program = programs('kube-controller-manager');
      return Promise.resolve({
        command: program.command,
        args: [
          ...program.args,
          '--bind-address=127.0.0.1',
          `--secure-port=${port}`,
          `--kubeconfig=${kubeconfig}`,
          `--authentication-kubeconfig=${kubeconfig}`,
          `--authorization-kubeconfig=${kubeconfig}`,
          '--use-service-account-credentials',
          `--service-account-private-key-file=${credentials.serviceAccounts.privateKey}`,
          `--root-ca-file=${credentials.authority.certificate}`,
          `--cluster-cidr=${settings.network.podRange}`,
          '--allocate-node-cidrs=false',
          // There is one: it need not wait for the lease of a predecessor that was killed.
          '--leader-elect=false',
          '--profiling=false',
        ],
      });
    },
    isReady: () => healthy(port),
    readyWithin: 60_000,
  });
}

/** Its certificate is its own and new at each start; on loopback, for a health check, that will do. */
export async function healthy(port: number): Promise<boolean> {
  return (await httpStatus(`https://127.0.0.1:${port}/healthz`, 'unverified')) === 200;
}
