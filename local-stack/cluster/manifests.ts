import { join } from 'node:path';
import type { KubernetesPrograms } from '../artifacts/kubernetesPrograms';
import { runCommand } from '../machine/command';
import { nodeName, type Settings } from '../settings';

/** The StorageClass that volume claims get unless they name another. */
export const storageClassName = 'local-path';
/** What a claim's or a volume's annotations call the provisioner of that class. */
export const provisionerName = 'orchestration-app/local-path';

/** The RuntimeClass of pods that run in gVisor, and what containerd's configuration calls it. */
export const gvisorClassName = 'gvisor';
export const gvisorHandler = 'runsc';

/**
 * Applies what the cluster itself needs, then the worker's rights from infrastructure/rbac.yaml.
 * @param hasGvisor - whether pods can run in gVisor: only then the cluster has the RuntimeClass.
 */
export async function applyManifests(
  settings: Settings,
  programs: KubernetesPrograms,
  kubeconfig: string,
  hasGvisor: boolean,
): Promise<void> {
  const kubectl = programs('kubectl');
  const run = (args: string[], input?: string) =>
    runCommand(kubectl.command, [...kubectl.args, '--kubeconfig', kubeconfig, ...args], { input });
  const apply = ['apply', '--server-side', '--field-manager=local-stack', '-f'];
  const own = { apiVersion: 'v1', kind: 'List', items: ownManifests(settings, hasGvisor) };
  await run([...apply, '-'], JSON.stringify(own));
  await run([...apply, join(settings.checkout, 'infrastructure', 'rbac.yaml')]);
  // Of an earlier start.
  if (!hasGvisor) await run(['delete', 'runtimeclass', gvisorClassName, '--ignore-not-found']);
}

/** Objects of the local cluster: DNS Service, storage and runtime class, and the rights of DNS and provisioner. */
export function ownManifests(settings: Settings, hasGvisor: boolean): object[] {
  return [
    ...dnsService(settings),
    ...dnsRights(),
    storageClass(),
    ...provisionerRights(),
    ...(hasGvisor ? [gvisorClass()] : []),
  ];
}

function gvisorClass(): object {
  return {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: gvisorClassName },
    handler: gvisorHandler,
  };
}

/** A Service without selector: the server is no pod, but stands beside the cluster. */
function dnsService({ network, ports }: Settings): object[] {
  const labels = { 'kubernetes.io/service-name': 'kube-dns' };
  const metadata = { name: 'kube-dns', namespace: 'kube-system' };
  const protocols = [
    { name: 'dns', protocol: 'UDP' },
    { name: 'dns-tcp', protocol: 'TCP' },
  ];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        clusterIP: network.dnsServiceAddress,
        ports: protocols.map((protocol) => ({ ...protocol, port: 53, targetPort: ports.dns })),
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels },
      addressType: 'IPv4',
      endpoints: [{ addresses: [network.hostAddress], conditions: { ready: true } }],
      ports: protocols.map((protocol) => ({ ...protocol, port: ports.dns })),
    },
  ];
}

function dnsRights(): object[] {
  return rightsOf('orchestration:dns', [
    { apiGroups: [''], resources: ['services', 'pods', 'namespaces', 'endpoints'], verbs: ['list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  ]);
}

function storageClass(): object {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: storageClassName,
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: provisionerName,
    reclaimPolicy: 'Delete',
    // There is one node: a volume need not wait to learn where its pod goes.
    volumeBindingMode: 'Immediate',
  };
}

function provisionerRights(): object[] {
  return rightsOf('orchestration:volume-provisioner', [
    { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['list', 'watch', 'create', 'delete'] },
  ]);
}

/** A ClusterRole and its binding to the user of the same name. */
function rightsOf(user: string, rules: object[]): object[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const apiGroup = 'rbac.authorization.k8s.io';
  return [
    { apiVersion, kind: 'ClusterRole', metadata: { name: user }, rules },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name: user },
      roleRef: { apiGroup, kind: 'ClusterRole', name: user },
      subjects: [{ apiGroup, kind: 'User', name: user }],
    },
  ];
}

/** The volume that answers a claim: a folder of this machine, tied to the one node. */
export function volumeFor(
  claim: { namespace: string; name: string; uid: string; size: string; accessModes: string[] },
  path: string,
) {
  return {
    metadata: {
      name: `pvc-${claim.uid}`,
      // Without it the cluster's own controller would try to delete the folder itself, and fail.
      annotations: { 'pv.kubernetes.io/provisioned-by': provisionerName },
    },
    spec: {
      storageClassName,
      capacity: { storage: claim.size },
      accessModes: claim.accessModes,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: claim.namespace,
        name: claim.name,
        uid: claim.uid,
      },
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }] },
          ],
        },
      },
    },
  };
}
