import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { connectKubernetes } from '../infrastructure/kubernetes/api/client';
import { kubectl, removeUsers } from '../test/integration/kubectl';
import { startPlatform, type Platform } from '../test/integration/platform';
import { stack } from '../test/integration/stack';
import { openMeter, type Cost } from './costs';
import type { Findings, Plot } from './findings';
import { measure, ms, percentile, table } from './measure';
import { startOriginal } from './reference/original';
import { askFor, connectTo } from './socket';

/**
 * How the cost of a submission grows with its output, its files, the user's earlier submissions, and the
 * number of users. The latency is compared with that of the original, which supports one file per submission.
 */

const EACH = 20;
const BASELINES = 8;
const OUTPUT_BYTES = [0, 1_024, 65_536, 1_048_576];
const FILES = [1, 10, 100];
const EARLIER = [0, 1_000, 10_000];
const USERS = [1, 20, 200];
/** How many submissions fill a user's history at once. */
const FILLING = 16;
/** How many environments are created at once. */
const CREATING = 4;
/** Small enough for all test pods on a node with two processors. */
const TEST_CPU_REQUEST = '0.005';

/** How long to wait after environments were created, in milliseconds. */
const SETTLE_MS = 10_000;

const FAILING = 'raise SystemExit(1)';
const printing = (bytes: number) => `print('x' * ${bytes})\n${FAILING}`;

interface Point {
  value: number;
  cost: Cost;
  originalMs: number;
}

export async function benchGrowth(): Promise<Findings> {
  const { kubeconfig, kubeContext: context } = stack();
  const kube = connectKubernetes({ kubeconfig, context });
  const id = randomBytes(3).toString('hex');
  const users = Array.from({ length: Math.max(...USERS) }, (_, index) => `bench-${id}-${index}`);
  const [user] = users as [string];
  const platform = await startPlatform({ TEST_CPU_REQUEST });
  const original = await startOriginal();
  const meter = await openMeter(platform, kube);
  const ours = await connectTo(`${platform.url}?progress=false`, platform.apiKey);
  const theirs = await connectTo(original.url, platform.apiKey);

  const point = async (value: number, messages: { user_id: string }[], code: string): Promise<Point> => {
    const cost = await meter.costOf('tests_failed', messages);
    const { durations } = await measure(BASELINES, 1, () =>
      askFor('tests_failed', theirs, { user_id: user, code }),
    );
    return { value, cost, originalMs: percentile(durations, 0.5) };
  };
  const repeated = (message: object) => Array.from({ length: EACH }, () => ({ user_id: user, ...message }));
  try {
    await askFor('tests_failed', ours, { user_id: user, code: FAILING });

    const history: Point[] = [];
    let earlier = 1;
    for (const wanted of EARLIER) {
      earlier += await fill(platform, user, wanted - earlier);
      history.push(await point(wanted, repeated({ code: FAILING }), FAILING));
      earlier += EACH;
    }
    const output: Point[] = [];
    for (const bytes of OUTPUT_BYTES)
      output.push(await point(bytes, repeated({ code: printing(bytes) }), printing(bytes)));
    const files: Point[] = [];
    for (const count of FILES) files.push(await point(count, repeated({ files: filesOf(count) }), FAILING));
    await askFor('deployed', ours, { user_id: user, code: "print('first')" });
    const deploy = await meter.costOf(
      'deployed',
      Array.from({ length: 8 }, (_, n) => ({ user_id: user, code: `print('deploy ${n}')` })),
    );
    const many: Point[] = [];
    for (const count of USERS) {
      await createEnvironments(platform, users.slice(0, count));
      const turns = Array.from({ length: EACH }, (_, index) => ({
        user_id: users[index % count]!,
        code: FAILING,
      }));
      many.push(await point(count, turns, FAILING));
    }
    show('output, bytes', output);
    show('files', files);
    show('earlier submissions', history);
    show('users', many);
    show('a redeploy', [{ value: 1, cost: deploy, originalMs: NaN }]);
    return {
      plots: [
        plotOf('output', 'output, bytes', output),
        plotOf('files', 'files', files),
        plotOf('history', 'earlier submissions of the user', history),
        plotOf('users', 'users', many),
      ],
      figures: { failing: history[0]!.cost, deploy, output, files, history, users: many },
      notes: [
        `Each figure is the median or the mean of ${EACH} submissions, one after the other; with users, each of another one.`,
        'The original has one file a submission: beside files stands its time for one.',
        'Kubernetes writes are those in the users’ namespaces, by whomever; documents are what Elasticsearch was sent.',
        'Processor time has the processes’ own upkeep in it. The order of a user’s deploys is a workflow of its own.',
      ],
    };
  } finally {
    await Promise.all([ours.close(), theirs.close(), meter.close()]);
    await original.stop();
    await platform.stop();
    await removeUsers(...users);
    // The next suite would measure their removal, too.
    const namespaces = users.map((one) => `namespace/user-${one}`);
    await kubectl('wait', '--for=delete', ...namespaces, '--timeout=600s');
  }
}

/** @returns how many were submitted */
async function fill(server: Server, user: string, count: number): Promise<number> {
  if (count <= 0) return 0;
  await submitAll(server, Array<string>(count).fill(user), FILLING);
  return count;
}

/** Creates the environments of users by submitting once for each, and waits until the machine has settled. */
async function createEnvironments(server: Server, users: string[]): Promise<void> {
  await submitAll(server, users, CREATING);
  await wait(SETTLE_MS);
}

type Server = Pick<Platform, 'url' | 'apiKey'>;

/** Submits failing code once for each entry of `users`. */
async function submitAll({ url, apiKey }: Server, users: string[], inFlight: number): Promise<void> {
  const idle = await Promise.all(
    Array.from({ length: inFlight }, () => connectTo(`${url}?progress=false`, apiKey)),
  );
  const left = [...users];
  await measure(users.length, inFlight, async () => {
    const one = idle.pop()!;
    await askFor('tests_failed', one, { user_id: left.pop()!, code: FAILING });
    idle.push(one);
  });
  await Promise.all(idle.map((one) => one.close()));
}

function filesOf(count: number): Record<string, string> {
  const others = Array.from({ length: count - 1 }, (_, index) => [
    `lib/part${index}.py`,
    `VALUE = ${index}\n`,
  ]);
  return Object.fromEntries([['main.py', FAILING], ...others]) as Record<string, string>;
}

function show(what: string, points: Point[]): void {
  table(
    [
      what,
      'p50 ms',
      'original p50 ms',
      'ratio',
      'events',
      'history kB',
      'transitions',
      'Kubernetes writes',
      'documents',
      'document kB',
      'worker CPU ms',
      'gateway CPU ms',
    ],
    points.map(({ value, cost, originalMs }) => [
      value,
      ms(cost.latencyMs),
      Number.isNaN(originalMs) ? '' : ms(originalMs),
      Number.isNaN(originalMs) ? '' : (originalMs / cost.latencyMs).toFixed(1),
      cost.events.toFixed(0),
      (cost.historyBytes / 1000).toFixed(1),
      cost.stateTransitions.toFixed(0),
      cost.kubernetesWrites.toFixed(1),
      cost.documents.toFixed(1),
      (cost.documentBytes / 1000).toFixed(1),
      ms(cost.workerCpuSeconds * 1000),
      ms(cost.gatewayCpuSeconds * 1000),
    ]),
  );
}

function plotOf(name: string, xLabel: string, points: Point[]): Plot {
  return {
    name: `growth-${name}`,
    title: `Median from frame to answer, by ${xLabel}`,
    xLabel,
    yLabel: 'ms',
    series: [
      { name: 'this platform', points: points.map(({ value, cost }) => [value, cost.latencyMs]) },
      { name: 'original: kubectl exec', points: points.map(({ value, originalMs }) => [value, originalMs]) },
    ],
  };
}
