import { createConnection } from 'node:net';
import { KubeConfig, VersionApi } from '@kubernetes/client-node';
import { httpStatus } from './parts/httpCheck';

/** The servers that the environment names. The stack uses them, but never starts or stops them. */
export interface NamedServers {
  temporalAddress: string | undefined;
  elasticsearch: string | undefined;
  kubernetes: { kubeconfig: string; context: string } | undefined;
}

/**
 * Reads TEMPORAL_ADDRESS, ELASTICSEARCH_HOST, and KUBECONFIG with KUBE_CONTEXT. KUBECONFIG alone does not
 * select a cluster: its current context may be any cluster, even in production.
 * @throws Error when KUBE_CONTEXT is set without KUBECONFIG.
 */
export function readNamedServers(
  environment: Record<string, string | undefined> = process.env,
): NamedServers {
  const { TEMPORAL_ADDRESS, ELASTICSEARCH_HOST, KUBECONFIG, KUBE_CONTEXT } = environment;
  if (KUBE_CONTEXT && !KUBECONFIG)
    throw new Error(
      `KUBE_CONTEXT=${KUBE_CONTEXT} needs KUBECONFIG: the path of the file that holds this context.`,
    );
  return {
    temporalAddress: TEMPORAL_ADDRESS || undefined,
    elasticsearch: ELASTICSEARCH_HOST || undefined,
    kubernetes: KUBECONFIG && KUBE_CONTEXT ? { kubeconfig: KUBECONFIG, context: KUBE_CONTEXT } : undefined,
  };
}

/** @throws Error that names the variable, when a named server cannot be reached. */
export async function checkNamedServers(named: NamedServers): Promise<void> {
  await Promise.all([
    named.temporalAddress && checkTcp('TEMPORAL_ADDRESS', named.temporalAddress),
    named.elasticsearch && checkElasticsearch(named.elasticsearch),
    named.kubernetes && checkCluster(named.kubernetes),
  ]);
}

/** Milliseconds within which a named server must respond. */
const patience = 5000;

async function checkTcp(variable: string, address: string): Promise<void> {
  const [, host, port] = /^(.+):(\d+)$/.exec(address) ?? [];
  if (!host || !port) throw new Error(`${variable}=${address} is not HOST:PORT.`);
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection({ host, port: Number(port), timeout: patience });
    const fail = (reason: string) => {
      socket.destroy();
      reject(unreachable(variable, address, reason));
    };
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => fail(`no answer within ${patience / 1000} s`));
    socket.once('error', (error) => fail(error.message));
  });
}

async function checkElasticsearch(url: string): Promise<void> {
  let status: number;
  try {
    status = await httpStatus(new URL('/_cluster/health', url).href);
  } catch (error) {
    throw unreachable('ELASTICSEARCH_HOST', url, (error as Error).message);
  }
  // A server that requires credentials is reachable.
  if (status !== 200 && status !== 401)
    throw unreachable('ELASTICSEARCH_HOST', url, `HTTP ${status} from /_cluster/health`);
}

async function checkCluster({ kubeconfig, context }: { kubeconfig: string; context: string }): Promise<void> {
  const configuration = new KubeConfig();
  configuration.loadFromFile(kubeconfig);
  if (!configuration.getContextObject(context))
    throw new Error(`KUBE_CONTEXT=${context} is not in KUBECONFIG=${kubeconfig}.`);
  configuration.setCurrentContext(context);
  try {
    await configuration.makeApiClient(VersionApi).getCode();
  } catch (error) {
    throw unreachable('KUBE_CONTEXT', context, (error as Error).message);
  }
}

function unreachable(variable: string, value: string, reason: string): Error {
  return new Error(
    `${variable}=${value} cannot be reached (${reason}). Start it, or unset ${variable} to have a local one started.`,
  );
}
