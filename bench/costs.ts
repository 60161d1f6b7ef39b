import { Client as Elasticsearch } from '@elastic/elasticsearch';
import { Client as Temporal, Connection } from '@temporalio/client';
import type { Kube } from '../infrastructure/kubernetes/api/client';
import type { Platform } from '../test/integration/platform';
import { stack } from '../test/integration/stack';
import { workflowIdOf } from '../workflows/contract';
import { countWrites } from './countWrites';
import { percentile } from './measure';
import { childrenRunning, cpuSeconds } from './processes';
import { askFor, connectTo } from './socket';

/** The mean cost of one submission; the latency is the median. */
export interface Cost {
  latencyMs: number;
  /** Events in the workflow's history. */
  events: number;
  historyBytes: number;
  /** State changes of the workflow that Temporal stores, each with its events and tasks. */
  stateTransitions: number;
  /** Writes to objects in the user's namespace, by any client. */
  kubernetesWrites: number;
  documents: number;
  /** Size of the documents as JSON. */
  documentBytes: number;
  workerCpuSeconds: number;
  gatewayCpuSeconds: number;
}

export interface Meter {
  /** Sends the messages sequentially; each of them must end with this status. */
  costOf(status: string, messages: { user_id: string }[]): Promise<Cost>;
  close(): Promise<void>;
}

export async function openMeter(platform: Platform, kube: Kube): Promise<Meter> {
  const connection = await Connection.connect({ address: stack().temporalAddress });
  const temporal = new Temporal({ connection });
  const elasticsearch = new Elasticsearch({ node: stack().elasticsearchHost });
  const asking = await connectTo(`${platform.url}?progress=false`, platform.apiKey);
  const gateways = childrenRunning('gateway/main.js');
  const cpu = () => ({
    worker: cpuSeconds(platform.worker.pid),
    gateway: gateways.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
  });

  return {
    async costOf(status, messages) {
      const users = [...new Set(messages.map(({ user_id }) => user_id))];
      const counts = await Promise.all(users.map((user) => countWrites(kube, `user-${user}`)));
      const before = cpu();
      const latencies: number[] = [];
      const ids: string[] = [];
      for (const message of messages) {
        const start = performance.now();
        const { submission_id } = await askFor(status, asking, message);
        latencies.push(performance.now() - start);
        ids.push(String(submission_id));
      }
      const histories = await Promise.all(ids.map((id) => historyOf(temporal, id)));
      const after = cpu();
      const writes = await Promise.all(counts.map((count) => count()));
      const documents = await documentsOf(elasticsearch, platform.index, ids);
      const each = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / messages.length;
      return {
        latencyMs: percentile(latencies, 0.5),
        events: each(histories.map(({ events }) => events)),
        historyBytes: each(histories.map(({ bytes }) => bytes)),
        stateTransitions: each(histories.map(({ transitions }) => transitions)),
        kubernetesWrites: each(writes),
        documents: documents.length / messages.length,
        documentBytes: each(documents.map((document) => Buffer.byteLength(JSON.stringify(document)))),
        workerCpuSeconds: (after.worker - before.worker) / messages.length,
        gatewayCpuSeconds: (after.gateway - before.gateway) / messages.length,
      };
    },
    async close() {
      await asking.close();
      await elasticsearch.close();
      await connection.close();
    },
  };
}

/**
 * Reads the workflow's history size once the workflow has closed: it records its actions after the answer.
 */
async function historyOf(temporal: Temporal, submissionId: string) {
  const handle = temporal.workflow.getHandle(workflowIdOf(submissionId));
  await handle.result();
  const { historyLength, historySize, raw } = await handle.describe();
  return {
    events: historyLength,
    bytes: historySize ?? NaN,
    transitions: Number(raw.workflowExecutionInfo?.stateTransitionCount ?? NaN),
  };
}

async function documentsOf(elasticsearch: Elasticsearch, index: string, ids: string[]): Promise<unknown[]> {
  await elasticsearch.indices.refresh({ index });
  const { hits } = await elasticsearch.search({
    index,
    size: 10_000,
    query: { terms: { 'submission.id': ids } },
  });
  return hits.hits.map(({ _source }) => _source);
}
