import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { STACK_FILE, stackNumberOf, stateDirectoryOf } from '../infrastructure/config/stateDirectory';

/** The paths and addresses of the local stack. Everything else is derived from them. */
export interface Settings {
  /** The root of the repository. */
  checkout: string;
  /**
   * Built and downloaded programs and images, shared between checkouts. Safe to delete while no stack runs.
   */
  cacheDirectory: string;
  /** Data, certificates and logs of this user's stack. `npm run reset` deletes it. */
  stateDirectory: string;
  ports: Record<PortName, number>;
  network: Network;
  /** The parent cgroup of all containers of the stack, in every hierarchy. */
  cgroup: string;
}

/** The stack's ports, with the variables that override them. Stack N adds 10 * N to the defaults. */
export const portVariables = {
  temporal: { variable: 'LOCAL_TEMPORAL_PORT', default: 7233 },
  temporalUi: { variable: 'LOCAL_TEMPORAL_UI_PORT', default: 8233 },
  elasticsearch: { variable: 'LOCAL_ELASTICSEARCH_PORT', default: 9200 },
  apiserver: { variable: 'LOCAL_KUBERNETES_PORT', default: 6443 },
  etcd: { variable: 'LOCAL_ETCD_PORT', default: 2379 },
  etcdPeer: { variable: 'LOCAL_ETCD_PEER_PORT', default: 2380 },
  controllerManager: { variable: 'LOCAL_CONTROLLER_MANAGER_PORT', default: 10257 },
  scheduler: { variable: 'LOCAL_SCHEDULER_PORT', default: 10259 },
  dns: { variable: 'LOCAL_DNS_PORT', default: 10053 },
  packageIndex: { variable: 'LOCAL_PACKAGE_INDEX_PORT', default: 3141 },
} as const;

export type PortName = keyof typeof portVariables;

/** IPv4 addresses of the cluster. No other machine can reach them. */
export interface Network {
  /**
   * The veth interface between the machine and the node's network namespace, and the address of its host end.
   */
  device: string;
  hostAddress: string;
  nodeAddress: string;
  prefixLength: number;
  podRange: string;
  serviceRange: string;
  /** First address of serviceRange: the Service `kubernetes`. */
  apiserverServiceAddress: string;
  dnsServiceAddress: string;
}

/** The name of the only node. It is part of certificates and volumes, so it must not change. */
export const nodeName = 'local';

/** The addresses of stack N: no two stacks overlap. */
function networkOf(number: number): Network {
  return {
    device: `orchestration${number}`,
    hostAddress: `10.199.${number}.1`,
    nodeAddress: `10.199.${number}.2`,
    prefixLength: 30,
    podRange: `10.244.${number}.0/24`,
    serviceRange: `10.${96 + number}.0.0/16`,
    apiserverServiceAddress: `10.${96 + number}.0.1`,
    dnsServiceAddress: `10.${96 + number}.0.10`,
  };
}

/** The DNS server, which is not a pod: CLUSTER_DNS of the worker. */
export function dnsRangeOf({ network, ports }: Pick<Settings, 'network' | 'ports'>): string {
  return `${network.hostAddress}/32:${ports.dns}`;
}

/**
 * Reads ORCHESTRATION_CACHE_DIR, ORCHESTRATION_STATE_DIR, LOCAL_STACK_NUMBER and the LOCAL_*_PORT variables.
 * @throws Error that names every variable that is not a port number.
 */
export function readSettings(environment: Record<string, string | undefined> = process.env): Settings {
  const home = environment.HOME || homedir();
  const number = stackNumberOf(environment);
  const stateDirectory = stateDirectoryOf(environment);
  return {
    checkout: resolve(__dirname, '..'),
    cacheDirectory: resolve(
      environment.ORCHESTRATION_CACHE_DIR ||
        join(environment.XDG_CACHE_HOME || join(home, '.cache'), 'orchestration-app'),
    ),
    stateDirectory,
    ports: readPorts(environment, number),
    network: networkOf(number),
    // Derived from the state directory, whose lock thereby protects the cgroup from other stacks.
    cgroup: `orchestration-local-${createHash('sha256').update(stateDirectory).digest('hex').slice(0, 8)}`,
  };
}

function readPorts(
  environment: Record<string, string | undefined>,
  number: number,
): Record<PortName, number> {
  const invalid: string[] = [];
  const ports = Object.entries(portVariables).map(([name, { variable, default: usual }]) => {
    const text = environment[variable];
    const port = text ? Number(text) : usual + 10 * number;
    if (!Number.isInteger(port) || port < 1 || port > 65_535) invalid.push(`${variable}=${text}`);
    return [name, port] as const;
  });
  if (invalid.length > 0)
    throw new Error(`These variables must be port numbers from 1 to 65535: ${invalid.join(', ')}.`);
  return Object.fromEntries(ports) as Record<PortName, number>;
}

/** Paths below the state directory that more than one file needs. */
export function statePaths(settings: Pick<Settings, 'stateDirectory'>) {
  const inState = (...parts: string[]) => join(settings.stateDirectory, ...parts);
  return {
    lock: inState('lock'),
    stackFile: inState(STACK_FILE),
    logs: inState('logs'),
    certificates: inState('certificates'),
    kubeconfig: inState('kubeconfig'),
    workerKubeconfig: inState('worker.kubeconfig'),
    gatewayKubeconfig: inState('gateway.kubeconfig'),
    operationsKubeconfig: inState('operations.kubeconfig'),
    node: inState('node'),
    containerd: inState('containerd'),
    containerdSocket: inState('containerd', 'containerd.sock'),
    volumes: inState('volumes'),
    apiKey: inState('api-key'),
    packageIndexToken: inState('package-index-token'),
    sysctls: inState('sysctls.json'),
  };
}
