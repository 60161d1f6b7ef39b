import { setTimeout as wait } from 'node:timers/promises';
import { SEARCH_ATTRIBUTES, TEST_QUEUE_QUERY, testQueueIdOf } from '../workflows/contract';
import type { TestQueueState } from '../workflows/testQueueState';
import { connectClient } from '../infrastructure/temporal/connection';
import { OrchestrationClient } from '../client';
import { httpUrl } from '../test/integration/contract';
import { kubectl } from '../test/integration/kubectl';
import { startPlatform, type Platform } from '../test/integration/platform';
import { measure, ms, percentile, table } from './measure';
import { withTemporalServer } from './temporalServer';

/**
 * Measures a single submission of one user, alone and while a thousand of another user are in progress: on a
 * Temporal server that dispatches tasks in order of arrival (the baseline), and on one that alternates
 * between users. Then it measures a single submission while five other users have hundreds each waiting for
 * their test pods, whose programs sleep, so processors are free. The baseline for this is measured on a
 * second server in the same minute, so that other work on the machine affects both.
 */

const MANY = { user: 'bench-many', count: 1_000, inFlight: 32 };
const ONE = { user: 'bench-one', samples: 10 };
const WAITING = {
  users: [1, 2, 3, 4, 5].map((number) => `bench-waiting-${number}`),
  each: 300,
  inFlight: 16,
};
const SLEEPING = 'import time; time.sleep(100)';
/** Up to this many of a user's submissions may be running or not yet queued when the measurement starts. */
const NOT_WAITING = 5;
const WAITING_SAMPLES = 40;
const FAILING = 'raise SystemExit(1)';

/**
 * A single submission that takes longer is recorded with this duration and ends its round, in milliseconds.
 */
const PATIENCE_MS = 120_000;

const FAIRNESS = { off: 'false', on: 'true' };

export async function benchFairness(): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const [name, value] of Object.entries(FAIRNESS)) {
    const config = {
      'matching.enableFairness': value,
      'system.enableActivityEagerExecution': 'true',
    };
    for (const row of await withTemporalServer(config, compare)) rows.push([`fairness ${name}`, ...row]);
  }
  table(['one submission', 'of the other in flight', 'samples', 'p50 ms', 'p95 ms'], rows);
  console.log();
  const fair = { 'matching.enableFairness': 'true', 'system.enableActivityEagerExecution': 'true' };
  const waiting = await withTemporalServer(fair, (quiet) =>
    withTemporalServer(fair, (busy) => compareWaiting(quiet, busy)),
  );
  table(['one submission', 'others waiting', 'samples', 'p50 ms', 'p95 ms', 'of quiet p50'], waiting);
  const users = [MANY.user, ONE.user, ...WAITING.users].map((user) => `user-${user}`);
  await kubectl('delete', 'namespace', ...users, '--wait=false');
}

/** @returns rows: alone, and beside the thousand of the other user */
async function compare(address: string): Promise<(string | number)[][]> {
  const { temporal, client, judged, stop } = await startOn(address);
  const inFlight = async () => {
    const query = `${SEARCH_ATTRIBUTES.userId} = '${MANY.user}' AND ExecutionStatus = 'Running'`;
    return (await temporal.workflow.count(query)).count;
  };
  try {
    // The first submission of a user creates the test pod.
    for (const user of [MANY.user, ONE.user]) await judged(user, AbortSignal.timeout(600_000));
    const alone = await measureSequentially(judged);
    await measure(MANY.count, MANY.inFlight, () => client.submit({ user_id: MANY.user, code: FAILING }));
    const before = await inFlight();
    const beside = await measureSequentially(judged);
    const flights = `${before} to ${await inFlight()}`;
    return [
      ['0', ...figures(alone)],
      [flights, ...figures(beside)],
    ];
  } finally {
    await stop();
  }
}

/** @returns rows: on an idle server, and on one where others wait; the samples alternate */
async function compareWaiting(quiet: string, busy: string): Promise<(string | number)[][]> {
  const settings = { RUN_WALL_SECONDS: '120' };
  const alone = await startOn(quiet, settings);
  const beside = await startOn(busy, settings).catch(async (error: unknown) => {
    await alone.stop();
    throw error;
  });
  const waiting = () =>
    Promise.all(
      WAITING.users.map((user) =>
        beside.temporal.workflow
          .getHandle(testQueueIdOf(beside.platform.taskQueue, user))
          .query<TestQueueState>(TEST_QUEUE_QUERY)
          // The queue does not exist yet, or the worker that answers is behind: the caller retries.
          .then(
            (state) => state.waiting.length,
            () => 0,
          ),
      ),
    );
  try {
    for (const user of [ONE.user, ...WAITING.users]) await alone.judged(user, AbortSignal.timeout(600_000));
    const submissions = Array.from({ length: WAITING.each }, () => WAITING.users).flat();
    const next = () => beside.client.submit({ user_id: submissions.pop()!, code: SLEEPING, deploy: false });
    await measure(submissions.length, WAITING.inFlight, next);
    while (!(await waiting()).every((count) => count >= WAITING.each - NOT_WAITING)) await wait(5_000);
    const durations: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
    for (let sample = 0; sample < WAITING_SAMPLES; sample++) {
      durations.alone.push(...(await measureSequentially(alone.judged, 1)));
      durations.beside.push(...(await measureSequentially(beside.judged, 1)));
    }
    const others = (await waiting()).reduce((sum, count) => sum + count);
    const ratio = percentile(durations.beside, 0.5) / percentile(durations.alone, 0.5);
    return [
      ['alone', 0, ...figures(durations.alone), '1.00'],
      [
        'beside them',
        `${others} of ${WAITING.users.length} users`,
        ...figures(durations.beside),
        ratio.toFixed(2),
      ],
    ];
  } finally {
    await alone.stop();
    await beside.stop();
  }
}

/** Starts a platform on this Temporal server, with the clients that query it. */
async function startOn(address: string, settings: Record<string, string> = {}) {
  const platform: Platform = await startPlatform({ TEMPORAL_ADDRESS: address, ...settings });
  const temporal = connectClient({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'default' });
  const client = new OrchestrationClient({ url: httpUrl(platform.url), key: platform.apiKey });
  const judged: Judged = async (user, signal) => {
    const { submission_id: id } = await client.submit({ user_id: user, code: FAILING });
    for await (const frame of client.follow(id, { signal })) if ('status' in frame) return frame.status;
    return null;
  };
  const stop = async () => {
    await temporal.connection.close();
    await platform.stop();
  };
  return { platform, temporal, client, judged, stop };
}

type Judged = (user: string, signal: AbortSignal) => Promise<string | null>;

/** Submits sequentially, and stops early when a submission takes too long. */
async function measureSequentially(judged: Judged, samples = ONE.samples): Promise<number[]> {
  const durations: number[] = [];
  const end = performance.now() + PATIENCE_MS;
  while (durations.length < samples && performance.now() < end) {
    const began = performance.now();
    const status = await judged(ONE.user, AbortSignal.timeout(Math.ceil(end - began))).catch(
      (error: unknown) => {
        if (performance.now() < end) throw error;
        return null;
      },
    );
    if (status === null) return [...durations, PATIENCE_MS];
    if (status !== 'tests_failed') throw new Error(`The verdict was ${status}.`);
    durations.push(performance.now() - began);
  }
  return durations;
}

const figures = (durations: number[]): (string | number)[] => [
  durations.length,
  ms(percentile(durations, 0.5)),
  ms(percentile(durations, 0.95)),
];
