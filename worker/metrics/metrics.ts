import type { WorkerDeploymentVersion } from '@temporalio/common';
import { statfs } from 'node:fs/promises';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createLogCounters } from '../../infrastructure/elasticsearch/counters';
import type { OpenSubmissions } from '../../infrastructure/temporal/backlog';

/** Buckets in seconds, for waiting times and stages. The longest stages are rollouts, which take minutes. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

/** A worker's Prometheus metrics. No label contains a user, a submission or any user data. */
export function createWorkerMetrics(buildId: string, version?: WorkerDeploymentVersion) {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  new Gauge({
    name: 'worker_build_info',
    help: 'Which version this is; always 1.',
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
    queue: histogram('worker_queue_seconds', 'From when a stage may begin until a worker takes it.', [
      'stage',
    ]),
    stage: histogram('worker_stage_seconds', 'One attempt at a stage.', ['stage', 'outcome']),
    retries: counter('worker_retries_total', 'Attempts at a stage after the first.', ['stage']),
    failures: counter('worker_failures_total', 'Attempts at a stage that failed, by kind of failure.', [
      'stage',
      'failure',
    ]),
    verdicts: counter('worker_verdicts_total', 'Verdicts of submissions.', ['status']),
    submission: histogram('worker_submission_seconds', 'From a submission to its verdict.', ['status']),
    turn: histogram('worker_turn_seconds', 'How long a submission that passed waits for its turn.'),
    rollouts: counter('worker_rollouts_total', 'Rollouts, by how they ended.', ['outcome']),
    rollbacks: counter('worker_rollbacks_total', 'Rollouts that were taken back.'),
    made: counter('worker_environment_changes_total', 'Objects of environments made or repaired, by kind.', [
      'kind',
    ]),
  };
}

/** Adds gauges whose values are determined when they are scraped. */
export function addGauges(
  { register }: WorkerMetrics,
  { open, streams }: { open: () => Promise<OpenSubmissions>; streams: () => number },
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
    'Free part of the disk that this process runs on, 0 to 1.',
    async () => {
      const { bavail, blocks } = await statfs(process.cwd());
      return bavail / blocks;
    },
  );
  gauge('worker_exec_streams', 'Open streams to test pods.', streams);
  gauge(
    'orchestration_submissions_running',
    'Submissions of the task queue without a verdict, of all workers.',
    async () => (await open()).running,
  );
  gauge(
    'orchestration_submissions_unrecorded',
    'Submissions of the task queue with a verdict whose actions are not in Elasticsearch yet, of all workers.',
    async () => (await open()).unrecorded,
  );
}
