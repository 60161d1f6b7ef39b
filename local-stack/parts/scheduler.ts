import type { ClusterContext } from './context';
import { healthy } from './controllerManager';
import { ServerPart } from './serverPart';

/** Binds pods to the node. */
export function scheduler({ settings, programs, credentials }: ClusterContext): ServerPart {
  const kubeconfig = credentials.kubeconfigs.scheduler;
  const port = settings.ports.scheduler;
  return new ServerPart({
    settings,
    name: 'kube-scheduler',
    specification: () => {
      const program = programs('kube-scheduler');
      return Promise.resolve({
        command: program.command,
        args: [
          ...program.args,
          '--bind-address=127.0.0.1',
          `--secure-port=${port}`,
          `--kubeconfig=${kubeconfig}`,
          `--authentication-kubeconfig=${kubeconfig}`,
          `--authorization-kubeconfig=${kubeconfig}`,
          '--leader-elect=false',
          '--profiling=false',
        ],
      });
    },
    isReady: () => healthy(port),
    readyWithin: 60_000,
  });
}
