import type { V1PodSpec, V1SecurityContext } from '@kubernetes/client-node';

/** What Pod Security `restricted` asks of a pod, and no way to the Kubernetes API from inside. */
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

/** The same of a container, with a root file system that cannot be written. */
export function restrictedContainer(): V1SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
}
