/** The servers that integration tests run against, as `test/main.ts` hands them over. */
export interface Stack {
  temporalAddress: string;
  elasticsearchHost: string;
  kubeconfig: string;
  kubeContext: string;
  /** Kubeconfig with the rights of the worker, and no more. */
  workerKubeconfig: string;
  /** The same for the gateway. */
  gatewayKubeconfig: string;
  /** What answers `kubectl` and `temporal` calls of this stack: a program and its first arguments. */
  kubectl: string[];
  /** Package index for the pods, if this machine has one to hand on. */
  packageIndex?: { url: string; cidr: string } | undefined;
  images: { test: string; program: string; database: string; database15: string };
}

/** Environment variable in which the servers are handed over, as JSON. */
export const STACK_VARIABLE = 'ORCHESTRATION_TEST_STACK';

/** @throws Error that says how to run integration tests, when nothing was handed over. */
export function stack(): Stack {
  const json = process.env[STACK_VARIABLE];
  if (!json)
    throw new Error('Integration tests need the local stack: run them by `npm run test:integration`.');
  return JSON.parse(json) as Stack;
}
