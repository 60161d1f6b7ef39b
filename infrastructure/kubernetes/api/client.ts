import {
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  createConfiguration,
  Exec,
  KubernetesObjectApi,
  Log,
  NodeV1Api,
  ServerConfiguration,
  Watch,
} from '@kubernetes/client-node';
import type { Middleware, KubeConfig } from '@kubernetes/client-node';
import { missingNamespaces } from './missingNamespaces';
import { PooledKubeConfig } from './pooledConfig';

/** Which cluster to connect to. */
export interface KubeSettings {
  /** Path of a kubeconfig file. */
  kubeconfig?: string | undefined;
  /** Name of the context in that file. */
  context?: string | undefined;
  /** Use the service account of the current pod. By default true when Kubernetes runs this process. */
  inCluster?: boolean | undefined;
}

/** The API clients of one cluster. */
export interface Kube {
  config: KubeConfig;
  core: CoreV1Api;
  apps: AppsV1Api;
  authorization: AuthorizationV1Api;
  node: NodeV1Api;
  /** For server-side apply and objects of any kind. */
  objects: KubernetesObjectApi;
  exec: Exec;
  watch: Watch;
  log: Log;
}

/** Timeout of one API request. It does not apply to watches, logs and exec. */
const REQUEST_DEADLINE_MS = 30_000;

/**
 * Connects to the configured cluster: a context of a kubeconfig file, or the cluster that this process runs
 * in. Never falls back to the current context: a command on a laptop must not reach a cluster by accident.
 * @throws Error that says what is missing, before any request is made.
 */
export function connectKubernetes(settings: KubeSettings): Kube {
  const config = loadConfig(settings);
  const configurationWith = (...promiseMiddleware: Middleware[]) =>
    createConfiguration({
      baseServer: new ServerConfiguration(serverOf(config), {}),
      authMethods: { default: config },
      promiseMiddleware,
    });
  const namespaces = new CoreV1Api(configurationWith(deadline));
  const configuration = configurationWith(
    deadline,
    missingNamespaces((name) => namespaces.readNamespace({ name })),
  );
  return {
    config,
    core: new CoreV1Api(configuration),
    apps: new AppsV1Api(configuration),
    authorization: new AuthorizationV1Api(configuration),
    node: new NodeV1Api(configuration),
    objects: new KubernetesObjectApi(configuration),
    exec: new Exec(config),
    watch: new Watch(config),
    log: new Log(config),
  };
}

function loadConfig({ kubeconfig, context, inCluster = runsInCluster() }: KubeSettings): KubeConfig {
  const config = new PooledKubeConfig();
  if (kubeconfig !== undefined) {
    if (context === undefined)
      throw new Error(
        `KUBECONFIG names ${kubeconfig}, but KUBE_CONTEXT names no context in it. Set both: no context is used by default.`,
      );
    config.loadFromFile(kubeconfig);
    const known = config.getContexts().map((entry) => entry.name);
    if (!known.includes(context))
      throw new Error(
        `KUBE_CONTEXT is ${context}, but ${kubeconfig} has only: ${known.join(', ') || 'no context'}.`,
      );
    config.setCurrentContext(context);
  } else if (inCluster) config.loadFromCluster();
  else
    throw new Error('No Kubernetes cluster is named. Set KUBECONFIG and KUBE_CONTEXT, or run in a cluster.');
  return config;
}

/** The client library finds the API server by the same variable. */
function runsInCluster(): boolean {
  return process.env.KUBERNETES_SERVICE_HOST !== undefined;
}

function serverOf(config: KubeConfig): string {
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error(`The context ${config.getCurrentContext()} names no cluster that its file knows.`);
  return cluster.server;
}

const deadline: Middleware = {
  pre: (request) => {
    request.setSignal(AbortSignal.timeout(REQUEST_DEADLINE_MS));
    return Promise.resolve(request);
  },
  post: (response) => Promise.resolve(response),
};
