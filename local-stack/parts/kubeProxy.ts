import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeName, statePaths } from '../settings';
import type { ClusterContext } from './context';
import type { Node } from './node';
import { ServerPart } from './serverPart';

/** Makes Services reachable with packet filter rules, all of them inside the node. */
export function kubeProxy(context: ClusterContext, node: Node): ServerPart {
  const { settings, programs } = context;
  return new ServerPart({
    settings,
    name: 'kube-proxy',
    specification: async () => {
      const configuration = await writeConfiguration(context);
      const program = programs('kube-proxy');
      return {
        command: program.command,
        args: [...program.args, `--config=${configuration}`],
        environment: { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` },
        namespacesOf: node.namespaces,
      };
    },
    isReady: async () => {
      const rules = await node.runInNetwork('iptables', '-w', '-t', 'nat', '-S', 'KUBE-SERVICES');
      return rules.includes(settings.network.apiserverServiceAddress);
    },
    readyWithin: 60_000,
  });
}

async function writeConfiguration({ settings, credentials }: ClusterContext): Promise<string> {
  const directory = statePaths(settings).node;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'kube-proxy.json');
  const configuration = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: credentials.kubeconfigs['kube-proxy'] },
    hostnameOverride: nodeName,
    mode: 'iptables',
    clusterCIDR: settings.network.podRange,
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    iptables: { minSyncPeriod: '100ms' },
    // These settings are machine-wide: do not change them.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
  await writeFile(file, JSON.stringify(configuration, null, 2));
  return file;
}
