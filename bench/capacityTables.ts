import type { Cost } from './costs';
import type { Table } from './findings';
import { ASSUMPTIONS, carries, mixed, needsOf, type AwakeCost, type Cluster } from './model';

/** The figures of the suite `growth` that capacity is calculated from. */
export interface GrowthFigures {
  failing: Cost;
  deploy: Cost;
}

/** The figures of the suite `idle` that capacity is calculated from. */
export interface IdleFigures {
  user: AwakeCost;
}

/** Submissions per second, and users whose pods are running. */
const TARGETS = [
  { rate: 10, users: 100 },
  { rate: 100, users: 1_000 },
  { rate: 1_000, users: 10_000 },
];

const CLUSTERS: Record<string, Cluster> = {
  small: { gateways: 2, workers: 2, historyShards: 128, elasticsearchNodes: 1, kubernetesClusters: 1 },
  medium: { gateways: 4, workers: 16, historyShards: 1_024, elasticsearchNodes: 3, kubernetesClusters: 1 },
  large: { gateways: 32, workers: 128, historyShards: 4_096, elasticsearchNodes: 6, kubernetesClusters: 4 },
};

const NAMES: Record<keyof Omit<Cost, 'latencyMs'>, string> = {
  events: 'Temporal events',
  historyBytes: 'bytes of history',
  stateTransitions: 'state transitions',
  kubernetesWrites: 'Kubernetes writes',
  documents: 'Elasticsearch documents',
  documentBytes: 'bytes of documents',
  workerCpuSeconds: 'worker, CPU seconds',
  gatewayCpuSeconds: 'gateway, CPU seconds',
};

/** The tables of docs/capacity.md. */
export function capacityTables({ failing, deploy }: GrowthFigures, { user }: IdleFigures): Table[] {
  const cost = mixed(failing, deploy, ASSUMPTIONS.deployShare);
  const percent = `${ASSUMPTIONS.deployShare * 100} % deployed`;
  return [
    {
      header: ['one submission', 'failing tests', 'redeploy', percent],
      rows: (Object.keys(NAMES) as (keyof typeof NAMES)[]).map((name) => [
        NAMES[name],
        ...[failing[name], deploy[name], cost[name]].map((value) => value.toPrecision(3)),
      ]),
    },
    {
      header: ['one user who is awake and does nothing', ''],
      rows: [
        ['thousandths of a processor', (user.cpus * 1000).toFixed(1)],
        ['MiB of memory', (user.bytes / 2 ** 20).toFixed(0)],
      ],
    },
    {
      header: ['assumed', 'value'],
      rows: Object.entries(ASSUMPTIONS).map(([name, value]) => [name, value as number]),
    },
    ...TARGETS.map(({ rate, users }) => ({
      header: [`${rate} submissions/s, ${users} users awake`, 'needs', 'because'],
      rows: needsOf(cost, user, rate, users).map(({ part, count, because }) => [part, count, because]),
    })),
    {
      header: ['cluster', 'submissions/s', 'full first', 'then'],
      rows: Object.entries(CLUSTERS).map(([name, cluster]) => {
        const [first, second] = carries(cost, cluster) as [
          { part: string; rate: number },
          { part: string; rate: number },
        ];
        const { gateways, workers, historyShards, elasticsearchNodes, kubernetesClusters } = cluster;
        return [
          `${name}: ${gateways} gateways, ${workers} workers, ${historyShards} shards, ${elasticsearchNodes} data nodes, ${kubernetesClusters} API servers`,
          first.rate.toFixed(0),
          first.part,
          `${second.part} at ${second.rate.toFixed(0)}`,
        ];
      }),
    },
  ];
}
