import { MockActivityEnvironment } from '@temporalio/testing';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { Action, ActionTrail } from '../../activities/actions';
import { createLogger } from '../../infrastructure/logging';
import { serveHealth } from '../../worker/health';
import { ActivityMetrics } from '../../worker/metrics/activityMetrics';
import { createWorkerMetrics, type WorkerMetrics } from '../../worker/metrics/metrics';
import { countVerdict } from '../../worker/metrics/verdicts';

/** The metrics of a worker, attempt by attempt. */

let metrics: WorkerMetrics;

beforeEach(() => {
  metrics = createWorkerMetrics('a1', { deploymentName: 'orchestration', buildId: 'a1' });
});

/** Runs one attempt that was scheduled this many milliseconds ago. */
function attempt(
  activityType: string,
  info: { attempt?: number; waitedMs?: number },
  work: () => Promise<unknown>,
  args: unknown[] = [],
): Promise<unknown> {
  const { waitedMs = 0, ...rest } = info;
  const environment = new MockActivityEnvironment({
    activityType,
    currentAttemptScheduledTimestampMs: Date.now() - waitedMs,
    ...rest,
  });
  return environment.run(() =>
    new ActivityMetrics(environment.context, metrics).execute({ args, headers: {} }, work),
  );
}

const told = async () => (await metrics.register.metrics()).split('\n');
const trail = (actions: Action[], submissionId?: string): ActionTrail => ({
  provenance: { userId: 'u', workflowId: 'w', runId: 'r', ...(submissionId && { submissionId }) },
  namespace: 'user-u',
  actions,
});

test('an attempt is counted under its stage, with how long it waited and how it ended', async () => {
  await attempt('runTests', { waitedMs: 3_000 }, () => Promise.resolve());
  await expect(
    attempt('applyProgram', { attempt: 2 }, () =>
      Promise.reject(ApplicationFailure.create({ type: 'Unavailable' })),
    ),
  ).rejects.toThrow();
  await expect(
    attempt('awaitRollout', {}, () => Promise.reject(new CancelledFailure('stop'))),
  ).rejects.toThrow();
  await expect(attempt('readWorkflow', {}, () => Promise.reject(new Error('a bug')))).rejects.toThrow(
    'a bug',
  );
  expect(await told()).toEqual(
    expect.arrayContaining([
      'worker_build_info{deployment="orchestration",build_id="a1"} 1',
      'worker_queue_seconds_bucket{le="2.5",stage="run_tests"} 0',
      'worker_queue_seconds_bucket{le="5",stage="run_tests"} 1',
      'worker_stage_seconds_count{stage="run_tests",outcome="success"} 1',
      'worker_stage_seconds_count{stage="apply_program",outcome="failure"} 1',
      'worker_stage_seconds_count{stage="await_rollout",outcome="cancelled"} 1',
      'worker_retries_total{stage="apply_program"} 1',
      'worker_failures_total{stage="apply_program",failure="Unavailable"} 1',
      'worker_failures_total{stage="readWorkflow",failure="other"} 1',
    ]),
  );
});

test.each(['TestPodBusy', 'ActivityShareFull'])(
  'a failure "%s" has a name of its own, that alerts leave out',
  async (type) => {
    await expect(
      attempt('runTests', {}, () => Promise.reject(ApplicationFailure.create({ type, category: 'BENIGN' }))),
    ).rejects.toThrow();
    expect(await told()).toContain(`worker_failures_total{stage="run_tests",failure="${type}"} 1`);
  },
);

test('a verdict is counted; an operation has none', async () => {
  const outcome = 'success';
  const actions: Action[] = [
    { name: 'submission.accepted', outcome, startedAt: 0, endedAt: 0 },
    { name: 'stage.await_turn', outcome, startedAt: 1_000, endedAt: 3_000 },
    { name: 'submission.finished', outcome, reason: 'deployed', startedAt: 9_000, endedAt: 9_000 },
  ];
  countVerdict(metrics, trail(actions, 's'));
  countVerdict(metrics, trail(actions));
  expect(await told()).toEqual(
    expect.arrayContaining([
      'worker_verdicts_total{status="deployed"} 1',
      'worker_submission_seconds_sum{status="deployed"} 9',
      'worker_turn_seconds_sum 2',
      'worker_turn_seconds_count 1',
    ]),
  );
});

test('the health port says why a worker is not ready, and answers when its metrics cannot be read', async () => {
  const server = await serveHealth('127.0.0.1', 0, {
    ready: () => Promise.reject(new Error('the worker is draining')),
    metrics: () => Promise.reject(new Error('no runtime')),
    logger: createLogger('test', 'fatal'),
  });
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [response.status, await response.json()];
  };
  try {
    expect(await get('/healthz')).toEqual([200, { status: 'ok' }]);
    expect(await get('/readyz?verbose')).toEqual([
      503,
      { status: 'not_ready', reason: 'the worker is draining' },
    ]);
    expect(await get('/metrics')).toEqual([500, { error: 'internal', message: 'no runtime' }]);
    expect(await get('/')).toMatchObject([404, { error: 'not_found' }]);
  } finally {
    await server.close();
  }
});
