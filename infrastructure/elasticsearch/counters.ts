import { Counter, Gauge, type Registry } from 'prom-client';

/** What is counted of documents on their way into Elasticsearch. */
export interface LogCounters {
  /** Stored, stored before (`known`), put aside with the reason (`rejected`), or lost to a full spool (`dropped`). */
  documents(result: 'stored' | 'known' | 'rejected' | 'dropped', count: number): void;
  /** A request that Elasticsearch did not carry out; it is repeated. */
  failed(): void;
  /** Bytes that wait on disk. */
  waiting(bytes: number): void;
}

/** Counters in a registry of Prometheus: one of a process's, made once. */
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
