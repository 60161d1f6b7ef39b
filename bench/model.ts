import type { Cost } from './costs';

/**
 * Calculates what a cluster can carry from the cost of one submission. The costs are measured. The capacity
 * of each part of a cluster is a conservative assumption, which you have to measure on your own cluster.
 */

export interface Assumptions {
  /** Share of submissions that are deployed. */
  deployShare: number;
  /** Share of a processor that is planned for: the rest is for bursts and failures. */
  busyShare: number;
  /**
   * State transitions per second that one history shard is planned for. A shard writes sequentially: at 10 ms
   * per write it could do 100, but users are not spread evenly over shards.
   */
  transitionsPerShard: number;
  /** Writes per second that one API server with its etcd is planned for, besides the cluster's own writes. */
  writesPerCluster: number;
  /** Documents per second that one data node of Elasticsearch is planned for. */
  documentsPerNode: number;
  /** Pods of users per node: Kubernetes' own limit is 110. */
  podsPerNode: number;
  /** Pods of a user when none is scaled to zero: test pod, program, database. */
  podsPerUser: number;
  /** Maximum nodes of one Kubernetes cluster: its published limit. */
  nodesPerCluster: number;
}

export const ASSUMPTIONS: Assumptions = {
  deployShare: 0.1,
  busyShare: 0.6,
  transitionsPerShard: 10,
  writesPerCluster: 1_000,
  documentsPerNode: 5_000,
  podsPerNode: 100,
  podsPerUser: 3,
  nodesPerCluster: 5_000,
};

const DAY_SECONDS = 86_400;

/** The mean cost of a submission when a share of them is deployed. Latencies cannot be averaged this way. */
export type MixedCost = Omit<Cost, 'latencyMs'>;

export function mixed(failing: Cost, deploy: Cost, deployShare: number): MixedCost {
  const mix = (name: keyof MixedCost) => failing[name] * (1 - deployShare) + deploy[name] * deployShare;
  return {
    events: mix('events'),
    historyBytes: mix('historyBytes'),
    stateTransitions: mix('stateTransitions'),
    kubernetesWrites: mix('kubernetesWrites'),
    documents: mix('documents'),
    documentBytes: mix('documentBytes'),
    workerCpuSeconds: mix('workerCpuSeconds'),
    gatewayCpuSeconds: mix('gatewayCpuSeconds'),
  };
}

/** What an idle user costs whose pods are running: the pods, and Kubernetes' work for them. */
export interface AwakeCost {
  /** Processors in use. */
  cpus: number;
  /** Bytes of memory. */
  bytes: number;
}

export interface Need {
  part: string;
  count: number;
  /** The calculation, for a reader. */
  because: string;
}

/** What is needed for `rate` submissions per second and `users` whose pods are running. */
export function needsOf(
  cost: MixedCost,
  awake: AwakeCost,
  rate: number,
  users: number,
  assumed = ASSUMPTIONS,
): Need[] {
  const need = (part: string, amount: number, per: number, unit: string): Need => ({
    part,
    // Tolerates rounding errors of sums of fractions.
    count: Math.max(1, Math.ceil(amount / per - 1e-9)),
    because: `${shown(amount)} ${unit} / ${shown(per)}`,
  });
  const transitions = need(
    'Temporal history shards',
    rate * cost.stateTransitions,
    assumed.transitionsPerShard,
    'transitions/s',
  );
  const nodes = need('nodes for pods', users * assumed.podsPerUser, assumed.podsPerNode, 'pods');
  const writes = rate * cost.kubernetesWrites;
  const clusters = Math.max(
    1,
    Math.ceil(writes / assumed.writesPerCluster),
    Math.ceil(nodes.count / assumed.nodesPerCluster),
  );
  const gigabytes = (bytes: number) => Math.ceil((rate * bytes * DAY_SECONDS) / 1e9);
  return [
    need('gateways', rate * cost.gatewayCpuSeconds, assumed.busyShare, 'CPUs'),
    need('workers', rate * cost.workerCpuSeconds, assumed.busyShare, 'CPUs'),
    {
      ...transitions,
      count: powerOfTwo(transitions.count),
      because: `${transitions.because}, a power of two`,
    },
    {
      part: 'GB of histories a day of retention',
      count: gigabytes(cost.historyBytes),
      because: `${shown(rate * cost.historyBytes)} bytes/s`,
    },
    {
      part: 'Kubernetes clusters',
      count: clusters,
      because: `${shown(writes)} writes/s / ${shown(assumed.writesPerCluster)}; ${nodes.count} nodes / ${shown(assumed.nodesPerCluster)}`,
    },
    nodes,
    need('processors of nodes, for users who do nothing', users * awake.cpus, assumed.busyShare, 'CPUs'),
    need('GiB of memory of nodes', (users * awake.bytes) / 2 ** 20, 1024, 'MiB'),
    need('Elasticsearch data nodes', rate * cost.documents, assumed.documentsPerNode, 'documents/s'),
    {
      part: 'GB of documents a day',
      count: gigabytes(cost.documentBytes),
      because: `${shown(rate * cost.documentBytes)} bytes/s`,
    },
  ];
}

export interface Cluster {
  /** Each uses one processor. */
  gateways: number;
  workers: number;
  historyShards: number;
  elasticsearchNodes: number;
  kubernetesClusters: number;
}

/**
 * Submissions per second that each part of a cluster carries, ascending: the first part is the bottleneck.
 */
export function carries(
  cost: MixedCost,
  cluster: Cluster,
  assumed = ASSUMPTIONS,
): { part: string; rate: number }[] {
  return [
    { part: 'gateways', rate: (cluster.gateways * assumed.busyShare) / cost.gatewayCpuSeconds },
    { part: 'workers', rate: (cluster.workers * assumed.busyShare) / cost.workerCpuSeconds },
    {
      part: 'Temporal history shards',
      rate: (cluster.historyShards * assumed.transitionsPerShard) / cost.stateTransitions,
    },
    {
      part: 'Kubernetes API servers',
      rate: (cluster.kubernetesClusters * assumed.writesPerCluster) / cost.kubernetesWrites,
    },
    {
      part: 'Elasticsearch data nodes',
      rate: (cluster.elasticsearchNodes * assumed.documentsPerNode) / cost.documents,
    },
  ].sort((one, other) => one.rate - other.rate);
}

const powerOfTwo = (least: number) => 2 ** Math.ceil(Math.log2(least));

const shown = (value: number) =>
  value < 10 ? String(Math.round(value * 100) / 100) : Math.round(value).toLocaleString('en-US');
