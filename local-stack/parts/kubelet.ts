import { CoreV1Api, KubeConfig, type V1Node } from '@kubernetes/client-node';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeName, statePaths } from '../settings';
import type { ClusterContext } from './context';
import { httpStatus } from './httpCheck';
import type { Node } from './node';
import { ServerPart } from './serverPart';

const kubeletPort = 10250;

/** Runs the pods. Ready when the cluster reports the node as ready and this kubelet sent the heartbeat. */
export function kubelet(context: ClusterContext, node: Node): ServerPart {
  const { settings, programs, credentials } = context;
  const health = `https://${settings.network.nodeAddress}:${kubeletPort}/healthz`;
  let startedAt = 0;
  return new ServerPart({
    settings,
    name: 'kubelet',
    specification: async () => {
      // Kubernetes timestamps have whole seconds.
      startedAt = Math.floor(Date.now() / 1000) * 1000;
      const configuration = await writeConfiguration(context);
      const program = programs('kubelet');
      return {
        command: program.command,
        args: [
          ...program.args,
          `--config=${configuration}`,
          `--kubeconfig=${credentials.kubeconfigs.kubelet}`,
          `--root-dir=${join(statePaths(settings).node, 'kubelet')}`,
          `--cert-dir=${join(statePaths(settings).node, 'pki')}`,
          `--hostname-override=${nodeName}`,
          `--node-ip=${settings.network.nodeAddress}`,
        ],
        environment: { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` },
        namespacesOf: node.namespaces,
      };
    },
    isReady: async () => {
      const { authority, apiserverKubeletClient: client, kubeconfigs } = credentials;
      const status = await httpStatus(health, { authority: authority.certificate, client });
      return status === 200 && (await nodeIsReady(kubeconfigs.admin, startedAt));
    },
    readyWithin: 90_000,
  });
}

/** True when the cluster knows the node from an earlier start. */
export async function nodeExists(kubeconfig: string): Promise<boolean> {
  return (await readNode(kubeconfig)) !== undefined;
}

async function readNode(kubeconfig: string): Promise<V1Node | undefined> {
  const configuration = new KubeConfig();
  configuration.loadFromFile(kubeconfig);
  const { items } = await configuration
    .makeApiClient(CoreV1Api)
    .listNode({ fieldSelector: `metadata.name=${nodeName}` });
  return items[0];
}

async function nodeIsReady(kubeconfig: string, since: number): Promise<boolean> {
  const status = (await readNode(kubeconfig))?.status;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && (ready.lastHeartbeatTime?.getTime() ?? 0) >= since;
}

async function writeConfiguration({ settings, credentials }: ClusterContext): Promise<string> {
  const directory = statePaths(settings).node;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Pods that use the node's own name servers get none: there is no route to them.
  const resolver = join(directory, 'resolv.conf');
  await writeFile(resolver, '');
  const file = join(directory, 'kubelet.json');
  const configuration = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: settings.network.nodeAddress,
    port: kubeletPort,
    readOnlyPort: 0,
    healthzBindAddress: '127.0.0.1',
    tlsCertFile: credentials.kubeletServer.certificate,
    tlsPrivateKeyFile: credentials.kubeletServer.key,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: credentials.authority.certificate },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${statePaths(settings).containerdSocket}`,
    clusterDomain: 'cluster.local',
    clusterDNS: [settings.network.dnsServiceAddress],
    resolvConf: resolver,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${settings.cgroup}`,
    failSwapOn: false,
    failCgroupV1: false,
    // Twenty users have eighty pods when all of them deploy, and the benchmark has 200 users with a test pod each; the
    // network has 254 addresses.
    maxPods: 230,
    podPidsLimit: 1024,
    // With a watch per object, a new pod can wait up to 1.5 s for its ConfigMap.
    configMapAndSecretChangeDetectionStrategy: 'Cache',
    // A laptop's disk is often nearly full; the defaults (10 %, 15 %) would reject every pod.
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '2%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '2%',
    },
    // 100 disables image garbage collection: the local images cannot be pulled again.
    imageGCHighThresholdPercent: 100,
    serializeImagePulls: false,
    // How often the kubelet measures volumes. A program can write for that long beyond its limit before it is evicted;
    // the default is a minute.
    volumeStatsAggPeriod: '10s',
    podLogsDir: join(directory, 'pod-logs'),
    containerLogMaxSize: '10Mi',
    containerLogMaxFiles: 2,
    // A log can grow for that long before it is rotated; the default is 10 s, the minimum 3.
    containerLogMonitorInterval: '3s',
  };
  await writeFile(file, JSON.stringify(configuration, null, 2));
  return file;
}
