import { capacityTables } from '../../bench/capacityTables';
import { ASSUMPTIONS, carries, mixed, needsOf } from '../../bench/model';

const failing = {
  latencyMs: 100,
  events: 10,
  historyBytes: 4_000,
  stateTransitions: 8,
  kubernetesWrites: 0,
  documents: 4,
  documentBytes: 2_000,
  workerCpuSeconds: 0.02,
  gatewayCpuSeconds: 0.01,
};
const deploy = { ...failing, stateTransitions: 28, kubernetesWrites: 20, workerCpuSeconds: 0.12 };
const cost = mixed(failing, deploy, 0.1);
const awake = { cpus: 0.006, bytes: 128 * 2 ** 20 };

test('a mix weighs the costs of both kinds', () => {
  expect(cost.stateTransitions).toBeCloseTo(10);
  expect(cost.kubernetesWrites).toBeCloseTo(2);
  expect(cost.workerCpuSeconds).toBeCloseTo(0.03);
});

test('what is needed follows from rate and cost', () => {
  const needs = Object.fromEntries(
    needsOf(cost, awake, 1_000, 10_000).map(({ part, count }) => [part, count]),
  );
  expect(needs).toEqual({
    gateways: 17, // 10 CPUs at 60 %
    workers: 50, // 30 CPUs at 60 %
    'Temporal history shards': 1_024, // 10,000 transitions at 10 each: 1,000
    'GB of histories a day of retention': 346, // 4 MB a second
    'Kubernetes clusters': 2, // 2,000 writes
    'nodes for pods': 300, // 30,000 pods
    'processors of nodes, for users who do nothing': 100, // 60 CPUs at 60 %
    'GiB of memory of nodes': 1_250,
    'Elasticsearch data nodes': 1, // 4,000 documents
    'GB of documents a day': 173,
  });
});

test('more nodes than one cluster may have take another cluster', () => {
  const clusters = needsOf(cost, awake, 1, 200_000).find(({ part }) => part === 'Kubernetes clusters');
  expect(clusters?.count).toBe(2);
});

test('a cluster carries what its fullest part does', () => {
  const cluster = {
    gateways: 2,
    workers: 2,
    historyShards: 128,
    elasticsearchNodes: 1,
    kubernetesClusters: 1,
  };
  const [first] = carries(cost, cluster);
  expect(first?.part).toBe('workers');
  expect(first?.rate).toBeCloseTo((2 * ASSUMPTIONS.busyShare) / 0.03);
});

test('the tables of the page have a row for every cost', () => {
  const [costs] = capacityTables({ failing, deploy }, { user: awake });
  expect(costs?.rows).toContainEqual(['state transitions', '8.00', '28.0', '10.0']);
  expect(costs?.rows).toHaveLength(Object.keys(cost).length);
});
