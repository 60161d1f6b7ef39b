import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from '../integration/stack';
import { reservePort } from '../reservedPorts';
import { KeptProcess } from './keptProcess';
import { Link } from './proxy';

/** One worker or gateway, with its proxied connections to the servers. */
export interface Member {
  name: string;
  process: KeptProcess;
  links: Partial<Record<'temporal' | 'apiserver' | 'elasticsearch', Link>>;
}

/** Two workers and two gateways, started from this checkout. */
export interface Platform {
  apiKey: string;
  taskQueue: string;
  index: string;
  workers: Member[];
  gateways: Member[];
  /** For example `http://127.0.0.1:41234`. */
  urls: string[];
  /** Resolves with the names of the processes that did not end after SIGTERM. */
  stop(): Promise<string[]>;
}

/**
 * @param directory for their logs and kubeconfigs
 * @param reachable a port of this machine that the programs of all users may connect to
 */
export async function startPlatform(
  servers: Stack,
  directory: string,
  reachable: { host: string; port: number },
  say: (text: string) => void,
): Promise<Platform> {
  await mkdir(directory, { recursive: true });
  const id = randomBytes(4).toString('hex');
  const [apiKey, taskQueue, index] = [randomUUID(), `chaos-${id}`, `chaos-actions-${id}`];
  const shared = { TEMPORAL_TASK_QUEUE: taskQueue };
  // Reserved, because a gateway must restart on the same port.
  const ports = await Promise.all([reservePort(), reservePort()]);
  const members = await Promise.all([
    ...[1, 2].map((number) => worker(`worker ${number}`)),
    ...ports.map((port, place) => gateway(`gateway ${place + 1}`, port)),
  ]);
  const stop = async () => {
    const ended = await Promise.all(members.map(({ process }) => process.stop()));
    await Promise.all(members.flatMap(({ links }) => Object.values(links).map((link) => link.close())));
    return members.filter((_, place) => !ended[place]).map(({ name }) => name);
  };
  try {
    await Promise.all(members.map(({ process }) => process.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  return { apiKey, taskQueue, index, workers: members.slice(0, 2), gateways: members.slice(2), urls, stop };

  async function worker(name: string): Promise<Member> {
    const links = {
      temporal: await Link.to(hostAndPort(servers.temporalAddress)),
      apiserver: await Link.to(await apiserverOf(servers.workerKubeconfig)),
      elasticsearch: await Link.to(hostAndPort(new URL(servers.elasticsearchHost).host)),
    };
    return member(name, links, 'worker/main.ts', 'worker ready', {
      ELASTICSEARCH_HOST: `http://${links.elasticsearch.address}`,
      ELASTICSEARCH_INDEX: index,
      KUBECONFIG: await kubeconfigThrough(links.apiserver, servers.workerKubeconfig, join(directory, name)),
      TEST_IMAGE: servers.images.test,
      PROGRAM_IMAGE: servers.images.program,
      DATABASE_IMAGE: servers.images.database,
      DATABASE_IMAGE_15: servers.images.database15,
      USER_PLANS: JSON.stringify({
        default: { egress: { ranges: [{ cidr: `${reachable.host}/32`, ports: [reachable.port] }] } },
      }),
    });
  }

  async function gateway(name: string, port: number): Promise<Member> {
    const links = {
      temporal: await Link.to(hostAndPort(servers.temporalAddress)),
      apiserver: await Link.to(await apiserverOf(servers.gatewayKubeconfig)),
    };
    return member(name, links, 'gateway/main.ts', 'gateway ready', {
      HOST: '127.0.0.1',
      PORT: String(port),
      API_KEY: apiKey,
      KUBECONFIG: await kubeconfigThrough(links.apiserver, servers.gatewayKubeconfig, join(directory, name)),
    });
  }

  function member(
    name: string,
    links: Member['links'] & { temporal: Link },
    entry: string,
    readyMessage: string,
    environment: Record<string, string>,
  ): Member {
    const logFile = join(directory, `${name}.log`);
    const all = {
      ...shared,
      TEMPORAL_ADDRESS: links.temporal.address,
      KUBE_CONTEXT: servers.kubeContext,
      ...environment,
    };
    const specification = { name, entry, readyMessage, environment: all, logFile };
    return { name, links, process: new KeptProcess(specification, say) };
  }
}

function hostAndPort(address: string): { host: string; port: number } {
  const [host = '', port] = address.split(':');
  return { host, port: Number(port) };
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'tls-server-name'?: string } }[];
}

const readKubeconfig = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Kubeconfig;

async function apiserverOf(path: string): Promise<{ host: string; port: number }> {
  const { clusters } = await readKubeconfig(path);
  return hostAndPort(new URL(clusters[0]!.cluster.server).host);
}

/**
 * A kubeconfig with the same identity through a link. The local stack writes its kubeconfigs as JSON.
 * @returns the new file's path
 */
async function kubeconfigThrough(link: Link, path: string, prefix: string): Promise<string> {
  const config = await readKubeconfig(path);
  for (const { cluster } of config.clusters) {
    cluster.server = `https://${link.address}`;
    cluster['tls-server-name'] = 'kubernetes';
  }
  const target = `${prefix}.kubeconfig`;
  await writeFile(target, JSON.stringify(config), { mode: 0o600 });
  return target;
}
