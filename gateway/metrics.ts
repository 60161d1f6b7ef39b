import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createLogCounters, type LogCounters } from '../infrastructure/elasticsearch/counters';
import { isFinal, type ServerFrame } from './protocol/serverFrames';

/** In seconds. A verdict takes from a tenth of a second to a few minutes. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180];

/** The metrics of a gateway, for Prometheus. No label contains a user or a key. */
export interface Metrics {
  connected(): void;
  disconnected(): void;
  received(): void;
  sent(frame: ServerFrame): void;
  /** A submission is followed for a client, until the returned function is called. */
  following(): () => void;
  /** A client was disconnected because it did not read. */
  cutOff(): void;
  /** An error occurred that no handler caught. */
  uncaught(): void;
  /** An upgrade to a WebSocket was refused. */
  refused(status: number): void;
  /** An HTTP request ended. @param route the pattern of its path */
  answered(method: string, route: string, status: number, ms: number): void;
  /** A submission was accepted, `ms` milliseconds after its message arrived. */
  accepted(ms: number): void;
  /** The verdict of a submission was sent, `ms` milliseconds after its message arrived at this gateway. */
  judged(status: string, ms: number): void;
  /** Counters for audit documents that are written to Elasticsearch. */
  log: LogCounters;
  /** The metrics in Prometheus's text format, and their media type. */
  text(): Promise<{ type: string; body: string }>;
}

export function createMetrics(): Metrics {
  const registers = [new Registry()];
  const [register] = registers as [Registry];
  collectDefaultMetrics({ register });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const connections = new Gauge({ name: 'gateway_connections', help: 'Open WebSockets.', registers });
  const received = counter('gateway_frames_received_total', 'Messages of clients.');
  const sent = counter('gateway_frames_sent_total', 'Frames to clients, by type.', ['type']);
  const errors = counter('gateway_errors_total', 'Error frames to clients, by code.', ['code']);
  const submissions = counter('gateway_submissions_total', 'Submissions accepted or joined.');
  const verdicts = counter('gateway_verdicts_total', 'Verdicts of submissions sent here.', ['status']);
  const acceptance = new Histogram({
    name: 'gateway_accept_seconds',
    help: 'From a message that submits until Temporal has taken it.',
    buckets: BUCKETS,
    registers,
  });
  const verdict = new Histogram({
    name: 'gateway_verdict_seconds',
    help: 'From a message that submits to its verdict.',
    labelNames: ['status'],
    buckets: BUCKETS,
    registers,
  });
  const followed = new Gauge({
    name: 'gateway_followed_submissions',
    help: 'Submissions that are followed over WebSockets.',
    registers,
  });
  const cutOff = counter('gateway_slow_clients_total', 'Clients cut off because they did not read.');
  const uncaught = counter('gateway_uncaught_errors_total', 'Errors that no handler caught.');
  const refused = counter('gateway_upgrades_refused_total', 'WebSockets refused, by HTTP status.', [
    'status',
  ]);
  const requests = new Histogram({
    name: 'gateway_http_request_seconds',
    help: 'HTTP requests, to the end of the answer. Streams last as long as what they follow.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers,
  });
  return {
    log: createLogCounters(register),
    following() {
      followed.inc();
      return () => followed.dec();
    },
    cutOff: () => cutOff.inc(),
    uncaught: () => uncaught.inc(),
    refused: (status) => refused.inc({ status }),
    answered: (method, route, status, ms) => requests.observe({ method, route, status }, ms / 1000),
    connected: () => connections.inc(),
    disconnected: () => connections.dec(),
    received: () => received.inc(),
    sent(frame) {
      sent.inc({ type: isFinal(frame) ? 'final' : frame.type });
      if (!isFinal(frame) && frame.type === 'error') errors.inc({ code: frame.code });
    },
    accepted(ms) {
      submissions.inc();
      acceptance.observe(ms / 1000);
    },
    judged(status, ms) {
      verdicts.inc({ status });
      verdict.observe({ status }, ms / 1000);
    },
    text: async () => ({ type: register.contentType, body: await register.metrics() }),
  };
}
