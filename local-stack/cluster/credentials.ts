import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeName, statePaths, type Settings } from '../settings';
import { CertificateAuthority, signingKeys, type CertificateFiles } from './certificateAuthority';

/**
 * The name of the local cluster's context in its separate kubeconfig. Other kubeconfigs are never changed.
 */
export const contextName = 'orchestration-local';

/**
 * The identity of a service account of infrastructure/rbac.yaml. A local process proves it by certificate, so
 * it has the same rights here as in a cluster. A certificate's common name has at most 64 characters.
 */
function serviceAccount(name: string) {
  const namespace = 'orchestration-system';
  return {
    commonName: `system:serviceaccount:${namespace}:${name}`,
    organizations: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
  };
}

/** The clients of the API server, with their RBAC identities. */
const clients = {
  admin: { commonName: 'orchestration-local-admin', organizations: ['system:masters'] },
  worker: serviceAccount('orchestration-worker'),
  gateway: serviceAccount('orchestration-gateway'),
  operations: serviceAccount('orchestration-ops'),
  'controller-manager': { commonName: 'system:kube-controller-manager', organizations: [] },
  scheduler: { commonName: 'system:kube-scheduler', organizations: [] },
  'kube-proxy': { commonName: 'system:kube-proxy', organizations: [] },
  kubelet: { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] },
  dns: { commonName: 'orchestration:dns', organizations: [] },
  'volume-provisioner': { commonName: 'orchestration:volume-provisioner', organizations: [] },
  'network-policies': { commonName: 'orchestration:network-policies', organizations: [] },
} as const;

export type ClientName = keyof typeof clients;

/** Paths of all certificates and keys of the cluster, and of a kubeconfig for each client. */
export interface Credentials {
  authority: CertificateFiles;
  frontProxyAuthority: CertificateFiles;
  etcdAuthority: CertificateFiles;
  etcdServer: CertificateFiles;
  etcdClient: CertificateFiles;
  apiserver: CertificateFiles;
  apiserverKubeletClient: CertificateFiles;
  frontProxyClient: CertificateFiles;
  kubeletServer: CertificateFiles;
  serviceAccounts: { privateKey: string; publicKey: string };
  kubeconfigs: Record<ClientName, string>;
}

/** Creates what is missing or expires soon, and reuses the rest. */
export async function ensureCredentials(settings: Settings): Promise<Credentials> {
  const paths = statePaths(settings);
  const directory = paths.certificates;
  const { network, ports } = settings;
  const [authority, frontProxy, etcd] = await Promise.all([
    CertificateAuthority.open(directory, 'ca'),
    CertificateAuthority.open(directory, 'front-proxy-ca'),
    CertificateAuthority.open(directory, 'etcd-ca'),
  ]);
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  const [apiserver, apiserverKubeletClient, kubeletServer, frontProxyClient, etcdServer, etcdClient, keys] =
    await Promise.all([
      authority.issue({
        name: 'apiserver',
        commonName: 'kube-apiserver',
        hosts: [network.hostAddress, network.apiserverServiceAddress, ...service],
        usage: ['serverAuth'],
      }),
      authority.issue({
        name: 'apiserver-kubelet-client',
        commonName: 'kube-apiserver-kubelet-client',
        organizations: ['system:masters'],
        usage: ['clientAuth'],
      }),
      authority.issue({
        name: 'kubelet-server',
        commonName: `system:node:${nodeName}`,
        organizations: ['system:nodes'],
        hosts: [network.nodeAddress, nodeName],
        usage: ['serverAuth'],
      }),
      frontProxy.issue({
        name: 'front-proxy-client',
        commonName: 'front-proxy-client',
        usage: ['clientAuth'],
      }),
      etcd.issue({
        name: 'etcd-server',
        commonName: 'etcd',
        hosts: ['127.0.0.1'],
        usage: ['serverAuth', 'clientAuth'],
      }),
      etcd.issue({ name: 'etcd-client', commonName: 'kube-apiserver', usage: ['clientAuth'] }),
      signingKeys(directory),
    ]);

  const kubeconfigs = await Promise.all(
    (Object.keys(clients) as ClientName[]).map(async (name) => {
      const files = await authority.issue({
        name: `client-${name}`,
        ...clients[name],
        usage: ['clientAuth'],
      });
      const path = kubeconfigPath(paths, name);
      await mkdir(join(path, '..'), { recursive: true });
      const server = `https://${network.hostAddress}:${ports.apiserver}`;
      await writeFile(path, kubeconfig(server, authority.files.certificate, files), { mode: 0o600 });
      return [name, path] as const;
    }),
  );

  return {
    authority: authority.files,
    frontProxyAuthority: frontProxy.files,
    etcdAuthority: etcd.files,
    etcdServer,
    etcdClient,
    apiserver,
    apiserverKubeletClient,
    frontProxyClient,
    kubeletServer,
    serviceAccounts: keys,
    kubeconfigs: Object.fromEntries(kubeconfigs) as Record<ClientName, string>,
  };
}

function kubeconfigPath(paths: ReturnType<typeof statePaths>, client: ClientName): string {
  if (client === 'admin') return paths.kubeconfig;
  if (client === 'worker') return paths.workerKubeconfig;
  if (client === 'gateway') return paths.gatewayKubeconfig;
  if (client === 'operations') return paths.operationsKubeconfig;
  return join(paths.certificates, `${client}.kubeconfig`);
}

/** A self-contained kubeconfig, so that this one file can be copied. JSON is valid YAML. */
function kubeconfig(server: string, authority: string, client: CertificateFiles): string {
  const inline = (path: string) => readFileSync(path).toString('base64');
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': contextName,
      clusters: [{ name: contextName, cluster: { server, 'certificate-authority-data': inline(authority) } }],
      users: [
        {
          name: contextName,
          user: {
            'client-certificate-data': inline(client.certificate),
            'client-key-data': inline(client.key),
          },
        },
      ],
      contexts: [{ name: contextName, context: { cluster: contextName, user: contextName } }],
    },
    null,
    2,
  );
}
