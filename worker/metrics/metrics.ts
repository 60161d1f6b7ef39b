import type { WorkerDeploymentVersion } from '@temporalio/common';
import { statfs } from 'node:fs/promises';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createLogCounters } from '../../infrastructure/elasticsearch/counters';

/** Upper bounds of the buckets of all histograms, in seconds. The longest stages are rollouts, which take minutes. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

/** A worker's Prometheus metrics. No label contains a user, a submission or any user data. */
export function createWorkerMetrics(buildId: string, version?: WorkerDeploymentVersion) {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  new Gauge({
    name: 'worker_build_info',
    help: 'The version of this worker, as labels. The value is always 1.',
    labelNames: ['deployment', 'build_id'],
    registers,
  }).set({ deployment: version?.deploymentName ?? 'none', build_id: buildId }, 1);
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: string[] = []) =>
    new Histogram({ name, help, labelNames, buckets: BUCKETS, registers });
  return {
    register,
    log: createLogCounters(register),
    queue: histogram('worker_queue_seconds', 'Time that a stage waited until a worker started it.', [
      'stage',
    ]),
    stage: histogram('worker_stage_seconds', 'Duration of one attempt of a stage.', ['stage', 'outcome']),
    retries: counter('worker_retries_total', 'Retries of a stage.', ['stage']),
    failures: counter('worker_failures_total', 'Failed attempts of a stage, by kind of failure.', [
      'stage',
      'failure',
    ]),
    verdicts: counter('worker_verdicts_total', 'Submissions that got a verdict, by status.', ['status']),
    submission: histogram('worker_submission_seconds', 'Time from accepting a submission to its verdict.', [
      'status',
    ]),
    turn: histogram('worker_turn_seconds', 'Time that a submission that passed waited in the deploy queue.'),
    rollouts: counter('worker_rollouts_total', 'Rollouts, by outcome.', ['outcome']),
    rollbacks: counter('worker_rollbacks_total', 'Rollbacks after a rollout that failed or was cancelled.'),
    made: counter(
      'worker_environment_changes_total',
      'Kubernetes objects of environments that were created or repaired, by kind.',
      ['kind'],
    ),
  };
}

interface GaugeValues {
  /** Submissions without a verdict. */
  running: () => Promise<number>;
  /** Open exec streams. */
  streams: () => number;
  /** Workflows that ended on this worker and are not recorded. */
  unrecorded: () => number;
  logBehindSeconds: () => number;
  /** How long Temporal keeps histories, which the log is made from. */
  retentionSeconds: () => number;
}

/** Adds gauges whose values are determined when they are scraped. */
export function addGauges(
  { register }: WorkerMetrics,
  { running, streams, unrecorded, logBehindSeconds, retentionSeconds }: GaugeValues,
): void {
  const gauge = (name: string, help: string, value: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers: [register],
      async collect() {
        this.set(await value());
      },
    });
  gauge(
    'orchestration_disk_free_ratio',
    'Free share of the disk with the working directory of this process, 0 to 1.',
    async () => {
      const { bavail, blocks } = await statfs(process.cwd());
      return bavail / blocks;
    },
  );
  gauge('worker_exec_streams', 'Open exec streams to test pods.', streams);
  gauge(
    'orchestration_submissions_running',
    'Submissions of the task queue that have no verdict yet, on all workers together.',
    running,
  );
  gauge(
    'orchestration_submissions_unrecorded',
    'Submissions and operations that ended on this worker, and whose actions are not in Elasticsearch yet.',
    unrecorded,
  );
  gauge(
    'orchestration_log_behind_seconds',
    'How long ago the actions of everything that had ended were in Elasticsearch.',
    logBehindSeconds,
  );
  gauge(
    'orchestration_history_retention_seconds',
    'How long Temporal keeps the histories of closed workflows. The log of actions is made from them.',
    retentionSeconds,
  );
}
