import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterContext } from './context';
import { httpStatus } from './httpCheck';
import { ServerPart } from './serverPart';

/** The Kubernetes API server, on the host end of the veth pair: no other machine can reach it. */
export function apiserver(context: ClusterContext): ServerPart {
  const { settings, programs, credentials } = context;
  const { hostAddress } = settings.network;
  const url = `https://${hostAddress}:${settings.ports.apiserver}`;
  return new ServerPart({
    settings,
    name: 'kube-apiserver',
    specification: async () => {
      const directory = join(settings.stateDirectory, 'apiserver');
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const program = programs('kube-apiserver');
      return { command: program.command, args: [...program.args, ...(await flags(context, directory))] };
    },
    isReady: async () =>
      (await httpStatus(`${url}/readyz`, { authority: credentials.authority.certificate })) === 200,
    readyWithin: 60_000,
  });
}

async function flags({ settings, credentials }: ClusterContext, directory: string): Promise<string[]> {
  const { network, ports } = settings;
  const {
    apiserver: serving,
    apiserverKubeletClient,
    etcdClient,
    frontProxyClient,
    serviceAccounts,
  } = credentials;
  return [
    `--bind-address=${network.hostAddress}`,
    `--advertise-address=${network.hostAddress}`,
    `--secure-port=${ports.apiserver}`,
    `--etcd-servers=https://127.0.0.1:${ports.etcd}`,
    `--etcd-cafile=${credentials.etcdAuthority.certificate}`,
    `--etcd-certfile=${etcdClient.certificate}`,
    `--etcd-keyfile=${etcdClient.key}`,
    `--client-ca-file=${credentials.authority.certificate}`,
    `--tls-cert-file=${serving.certificate}`,
    `--tls-private-key-file=${serving.key}`,
    `--kubelet-certificate-authority=${credentials.authority.certificate}`,
    `--kubelet-client-certificate=${apiserverKubeletClient.certificate}`,
    `--kubelet-client-key=${apiserverKubeletClient.key}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--requestheader-client-ca-file=${credentials.frontProxyAuthority.certificate}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${frontProxyClient.certificate}`,
    `--proxy-client-key-file=${frontProxyClient.key}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${serviceAccounts.publicKey}`,
    `--service-account-signing-key-file=${serviceAccounts.privateKey}`,
    `--service-cluster-ip-range=${network.serviceRange}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--authentication-config=${await authenticationConfiguration(directory)}`,
    `--encryption-provider-config=${await encryptionConfiguration(directory)}`,
    '--profiling=false',
    // There is only one API server, so leases have nothing to reconcile, and the Service is updated at once.
    '--endpoint-reconciler-type=master-count',
    '--allow-privileged=false',
  ];
}

/** Anonymous clients may only use the health endpoints. */
async function authenticationConfiguration(directory: string): Promise<string> {
  const path = join(directory, 'authentication.json');
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1beta1',
    kind: 'AuthenticationConfiguration',
    anonymous: { enabled: true, conditions: ['/livez', '/readyz', '/healthz'].map((path) => ({ path })) },
  };
  await writeFile(path, JSON.stringify(configuration, null, 2));
  return path;
}

/** Secrets are encrypted in etcd with a key that is generated once and stored in the state directory. */
async function encryptionConfiguration(directory: string): Promise<string> {
  const path = join(directory, 'encryption.json');
  if (existsSync(path)) return path;
  const key = { name: 'first', secret: randomBytes(32).toString('base64') };
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources: ['secrets'], providers: [{ secretbox: { keys: [key] } }, { identity: {} }] }],
  };
  await writeFile(path, JSON.stringify(configuration, null, 2), { mode: 0o600 });
  return path;
}
