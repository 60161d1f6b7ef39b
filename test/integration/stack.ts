/** The servers that integration tests use, as passed by `test/main.ts`. */
export interface Stack {
  temporalAddress: string;
  elasticsearchHost: string;
  kubeconfig: string;
  kubeContext: string;
  /** Kubeconfig with exactly the worker's rights. */
  workerKubeconfig: string;
  /** Kubeconfig with exactly the gateway's rights. */
  gatewayKubeconfig: string;
  /** Kubeconfig with exactly the rights to manage keys and plans. */
  operationsKubeconfig: string;
  /** The command that runs `kubectl` for this stack: a program and its first arguments. */
  kubectl: string[];
  /** Package index for the pods, if this machine has one. */
  packageIndex?: { url: string; cidr: string } | undefined;
  /** CLUSTER_DNS of workers; the default if the environment names the cluster. */
  clusterDns?: string | undefined;
  images: { test: string; program: string; database: string; database15: string };
}

/** Environment variable that contains the servers, as JSON. */
export const STACK_VARIABLE = 'ORCHESTRATION_TEST_STACK';

/** @throws Error with how to run integration tests, when the variable is not set. */
export function stack(): Stack {
  const json = process.env[STACK_VARIABLE];
  if (!json)
    throw new Error('Integration tests need the local stack: run them by `npm run test:integration`.');
  return JSON.parse(json) as Stack;
}
