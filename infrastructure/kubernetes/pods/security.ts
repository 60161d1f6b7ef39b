import type { V1PodSpec, V1SecurityContext } from '@kubernetes/client-node';

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
 * A pod that resolves only the names in its `hostAliases`. Its network policies deny all DNS servers; without one
 * in /etc/resolv.conf, looking up another name fails at once instead of after a timeout.
 */
export const withoutDns: Partial<V1PodSpec> = {
  dnsPolicy: 'None',
  dnsConfig: { nameservers: ['127.0.0.1'] },
};

/** What it requires of a container, and a read-only root file system. */
export function restrictedContainer(): V1SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
}
