import type { V1Pod } from '@kubernetes/client-node';

/**
 * The kubelet's messages about a pod that wrote more than its own limits allow. It evicts pods for the sake of
 * the node, too, with other messages.
 */
const OVER_ITS_LIMIT =
  /exceeds the limit|exceeds the total limit of containers|exceeded its local ephemeral storage limit/;

/** Why a pod was evicted, in the kubelet's words, if it wrote more to its disk than it may; otherwise null. */
export function diskEviction({ status }: V1Pod): string | null {
  const { phase, reason, message = '' } = status ?? {};
  return phase === 'Failed' && reason === 'Evicted' && OVER_ITS_LIMIT.test(message) ? message.trim() : null;
}
