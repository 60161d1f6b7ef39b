import { Counter, Gauge, type Registry } from 'prom-client';

/** Counters of documents on their way to Elasticsearch. */
export interface LogCounters {
  /**
   * Stored, already stored (`known`), moved to the index of rejected documents (`rejected`), or lost because
   * the spool was full (`dropped`).
   */
  documents(result: 'stored' | 'known' | 'rejected' | 'dropped', count: number): void;
  /** A request to Elasticsearch failed; it is retried. */
  failed(): void;
  /** Bytes that are waiting on disk. */
  waiting(bytes: number): void;
}

/** Creates the counters in a Prometheus registry. Call this once per process. */
export function createLogCounters(register: Registry): LogCounters {
  const registers = [register];
  const documents = new Counter({
    name: 'orchestration_log_documents_total',
    help: 'Documents for Elasticsearch, by what became of them.',
    labelNames: ['result'],
    registers,
  });
  const failures = new Counter({
    name: 'orchestration_log_failures_total',
    help: 'Requests that Elasticsearch did not carry out, and that are repeated.',
    registers,
  });
  const waiting = new Gauge({
    name: 'orchestration_log_spool_bytes',
    help: 'Bytes of documents that wait on disk for Elasticsearch.',
    registers,
  });
  return {
    documents: (result, count) => documents.inc({ result }, count),
    failed: () => failures.inc(),
    waiting: (bytes) => waiting.set(bytes),
  };
}
