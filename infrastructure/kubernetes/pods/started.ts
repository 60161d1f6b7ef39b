import type { V1Pod } from '@kubernetes/client-node';

/**
 * Whether the startup probe of each container has succeeded. Where the readiness probe is the same, a pod that has just
 * started is ready: Kubernetes only finds out when it has run that probe too.
 */
export function hasStarted({ metadata, status }: V1Pod): boolean {
  const containers = status?.containerStatuses ?? [];
  return (
    !metadata?.deletionTimestamp &&
    containers.length > 0 &&
    containers.every(({ started, state }) => started === true && state?.running !== undefined)
  );
}
