import { join } from 'node:path';
import type { KubernetesPrograms } from '../artifacts/kubernetesPrograms';
import { imageReferences } from '../images/projectImages';
import { runCommand } from '../machine/command';
import { nodeName, type Settings } from '../settings';
import { permitImages, type Kubectl } from './userImages';

/** The default StorageClass of volume claims. */
export const storageClassName = 'local-path';
/** The name of that class's provisioner, in the annotations of claims and volumes. */
export const provisionerName = 'orchestration-app/local-path';

/** The RuntimeClass of pods that run in gVisor, and the name of its handler in containerd's configuration. */
export const gvisorClassName = 'gvisor';
export const gvisorHandler = 'runsc';

/**
 * Applies the objects that the cluster itself needs, then the platform's rights from infrastructure/rbac.yaml,
 * and permits the images of this checkout in users' pods.
 * @param hasGvisor - whether pods can run in gVisor: only then does the cluster have the RuntimeClass.
 */
export async function applyManifests(
  settings: Settings,
  programs: KubernetesPrograms,
  kubeconfig: string,
  hasGvisor: boolean,
): Promise<void> {
  const run = kubectlWith(programs, kubeconfig);
  const own = { apiVersion: 'v1', kind: 'List', items: ownManifests(settings, hasGvisor) };
  await run([...APPLY, '-'], JSON.stringify(own));
  await applyRights(settings, programs, kubeconfig);
  // An earlier start may have created it.
  if (!hasGvisor) await run(['delete', 'runtimeclass', gvisorClassName, '--ignore-not-found']);
}

/** Applies infrastructure/rbac.yaml of this checkout, and permits its images in users' pods. */
export async function applyRights(
  settings: Settings,
  programs: KubernetesPrograms,
  kubeconfig: string,
): Promise<void> {
  const run = kubectlWith(programs, kubeconfig);
  await run([...APPLY, join(settings.checkout, 'infrastructure', 'rbac.yaml')]);
  const { pause: _, ...images } = await imageReferences(settings);
  await permitImages(run, Object.values(images));
}

const APPLY = ['apply', '--server-side', '--force-conflicts', '--field-manager=local-stack', '-f'];

function kubectlWith(programs: KubernetesPrograms, kubeconfig: string): Kubectl {
  const { command, args: first } = programs('kubectl');
  return (args, input) => runCommand(command, [...first, '--kubeconfig', kubeconfig, ...args], { input });
}

/** Objects of the local cluster: DNS Service, storage and runtime class, rights of DNS, provisioner and network policies. */
export function ownManifests(settings: Settings, hasGvisor: boolean): object[] {
  return [
    ...dnsService(settings),
    ...dnsRights(),
    storageClass(),
    ...provisionerRights(),
    ...networkPolicyRights(),
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

/** A Service without a selector: the DNS server is a process outside the cluster, not a pod. */
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
    // There is only one node, so a volume does not have to wait until its pod is scheduled.
    volumeBindingMode: 'Immediate',
  };
}

function provisionerRights(): object[] {
  return rightsOf('orchestration:volume-provisioner', [
    { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['list', 'watch', 'create', 'delete'] },
  ]);
}

function networkPolicyRights(): object[] {
  return rightsOf('orchestration:network-policies', [
    { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
  ]);
}

/** A ClusterRole, bound to the user of the same name. */
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

/** The volume for a claim: a folder on this machine, with an affinity to the only node. */
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
