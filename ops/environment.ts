import { userInfo } from 'node:os';
import { findRunningStack } from '../infrastructure/local/stack';

/** Who runs a command, for the log. */
export const requestedBy = () => `ops:${userInfo().username}`;

/** What is not set is taken from the local stack, if one runs. */
export function environment(): Record<string, string | undefined> {
  const stack = findRunningStack();
  if (!stack) return process.env;
  const { temporalAddress, elasticsearch, kubernetes } = stack;
  return {
    TEMPORAL_ADDRESS: temporalAddress,
    ELASTICSEARCH_HOST: elasticsearch,
    ...(!process.env.KUBECONFIG && { KUBECONFIG: kubernetes.kubeconfig, KUBE_CONTEXT: kubernetes.context }),
    ...Object.fromEntries(Object.entries(process.env).filter(([, value]) => value)),
  };
}
