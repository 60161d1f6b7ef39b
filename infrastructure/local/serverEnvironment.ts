import { findRunningStack } from './stack';

/** The environment with the addresses of servers that it does not name: those of the local stack, if one runs. */
export function serverEnvironment(): Record<string, string | undefined> {
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
