import type { Cost } from './costs';

/**
 * From what a submission costs to what a cluster carries. The costs are measured; what a part of a cluster can do is
 * assumed here, on the careful side, and has to be measured on yours.
 */

export interface Assumptions {
  /** Share of submissions that are deployed. */
  deployShare: number;
  /** Of a processor, how much is planned for: the rest is for bursts and for what fails. */
  busyShare: number;
  /**
   * State transitions a second that one history shard is planned for. A shard writes one after the other: at 10 ms a
   * write it could do 100; users do not spread evenly over shards.
   */
  transitionsPerShard: number;
  /** Writes a second that one API server with its etcd is planned for, beside what the cluster itself writes. */
  writesPerCluster: number;
  /** Documents a second that one data node of Elasticsearch is planned for. */
  documentsPerNode: number;
  /** Pods of users on one node: Kubernetes' own bound is 110. */
  podsPerNode: number;
  /** Of a user who is not asleep: test pod, program, database. */
  podsPerUser: number;
  /** Nodes of one Kubernetes cluster at most: its published bound. */
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

/** The costs of one submission when some are deployed. Latencies do not mix: it has none. */
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

/** What a user costs who is awake and does nothing: their pods, and what Kubernetes does for them. */
export interface AwakeCost {
  /** Processors in use. */
  cpus: number;
  /** Of memory. */
  bytes: number;
}

export interface Need {
  part: string;
  count: number;
  /** The arithmetic, to be read. */
  because: string;
}

/** What it takes to carry so many submissions a second of so many users who are not asleep. */
export function needsOf(
  cost: MixedCost,
  awake: AwakeCost,
  rate: number,
  users: number,
  assumed = ASSUMPTIONS,
): Need[] {
  const need = (part: string, amount: number, per: number, unit: string): Need => ({
    part,
    // Sums of fractions are a hair off.
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
  /** Each takes one processor. */
  gateways: number;
  workers: number;
  historyShards: number;
  elasticsearchNodes: number;
  kubernetesClusters: number;
}

/** Submissions a second that each part of a cluster carries, the least first: that part is full first. */
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
