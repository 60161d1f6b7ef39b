import type { V1PodSpec, V1SecurityContext } from '@kubernetes/client-node';
import { NO_EGRESS, type Egress } from '../../config/egress';

/** What Pod Security `restricted` requires of a pod, and no credentials for the Kubernetes API inside it. */
export function restrictedPod(uid: number): Partial<V1PodSpec> {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: uid,
      runAsGroup: uid,
      fsGroup: uid,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

/**
 * Label of pods: how they resolve host names. `none`: only those in their `hostAliases`. `cluster`: also with the
 * cluster's DNS. Pods of programs that lack it are of version 0.2 or older, and may ask DNS servers.
 */
export const DNS_LABEL = 'orchestration-app/dns';

/** How a pod resolves host names: a part of its manifest. */
export interface PodDns {
  spec: Pick<V1PodSpec, 'dnsPolicy' | 'dnsConfig'>;
  labels: Record<string, string>;
}

/**
 * A pod that resolves only the names in its `hostAliases`. Its network policies deny all DNS servers; without one
 * in /etc/resolv.conf, looking up another name fails at once instead of after a timeout.
 */
const WITHOUT_DNS: PodDns = {
  spec: { dnsPolicy: 'None', dnsConfig: { nameservers: ['127.0.0.1'] } },
  labels: { [DNS_LABEL]: 'none' },
};

/** A pod that also resolves names with the cluster's DNS, to which its network policies let it. */
const WITH_DNS: PodDns = { spec: { dnsPolicy: 'ClusterFirst' }, labels: { [DNS_LABEL]: 'cluster' } };

/** How the pods of a user whose plan allows `egress` resolve host names. */
export function dnsOf({ internet }: Egress = NO_EGRESS): PodDns {
  return internet ? WITH_DNS : WITHOUT_DNS;
}

/** What it requires of a container, and a read-only root file system. */
export function restrictedContainer(): V1SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
}
