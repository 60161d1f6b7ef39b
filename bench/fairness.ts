import { SEARCH_ATTRIBUTES } from '../workflows/contract';
import { connectClient } from '../infrastructure/temporal/connection';
import { OrchestrationClient } from '../client';
import { httpUrl } from '../test/integration/contract';
import { kubectl } from '../test/integration/kubectl';
import { startPlatform } from '../test/integration/platform';
import { measure, ms, percentile, table } from './measure';
import { withTemporalServer } from './temporalServer';

/**
 * A single submission of one user, alone and while a thousand of another are under way: on a Temporal server that
 * takes tasks as they come (the baseline), and on one that takes those of each user in turn.
 */

const MANY = { user: 'bench-many', count: 1_000, inFlight: 32 };
const ONE = { user: 'bench-one', samples: 10 };
const FAILING = 'raise SystemExit(1)';

/** A single submission that takes longer is told as having taken so long, and ends its round, in milliseconds. */
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
  await kubectl('delete', 'namespace', `user-${MANY.user}`, `user-${ONE.user}`, '--wait=false');
  table(['one submission', 'of the other in flight', 'samples', 'p50 ms', 'p95 ms'], rows);
}

/** @returns rows: alone, and beside the many */
async function compare(address: string): Promise<(string | number)[][]> {
  const platform = await startPlatform({ TEMPORAL_ADDRESS: address });
  const temporal = connectClient({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'default' });
  const client = new OrchestrationClient({ url: httpUrl(platform.url), key: platform.apiKey });
  const judged = async (user: string, signal: AbortSignal) => {
    const { submission_id: id } = await client.submit({ user_id: user, code: FAILING });
    for await (const frame of client.follow(id, { signal })) if ('status' in frame) return frame.status;
    return null;
  };
  const inFlight = async () => {
    const query = `${SEARCH_ATTRIBUTES.userId} = '${MANY.user}' AND ExecutionStatus = 'Running'`;
    return (await temporal.workflow.count(query)).count;
  };
  try {
    for (const user of [MANY.user, ONE.user]) await judged(user, AbortSignal.timeout(600_000)); // makes its pod
    const alone = await singles(judged);
    await measure(MANY.count, MANY.inFlight, () => client.submit({ user_id: MANY.user, code: FAILING }));
    const before = await inFlight();
    const beside = await singles(judged);
    const flights = `${before} to ${await inFlight()}`;
    return [
      ['0', ...figures(alone)],
      [flights, ...figures(beside)],
    ];
  } finally {
    await temporal.connection.close();
    await platform.stop();
  }
}

type Judged = (user: string, signal: AbortSignal) => Promise<string | null>;

/** One after the other; ends early when they take long. */
async function singles(judged: Judged): Promise<number[]> {
  const durations: number[] = [];
  const end = performance.now() + PATIENCE_MS;
  while (durations.length < ONE.samples && performance.now() < end) {
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
