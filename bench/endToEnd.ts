import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { connectKubernetes } from '../infrastructure/kubernetes/api/client';
import { kubectl } from '../test/integration/kubectl';
import { startPlatform } from '../test/integration/platform';
import { stack } from '../test/integration/stack';
import type { Findings, Plot } from './findings';
import { measure, ms, percentile, perSecond, table } from './measure';
import { runAsJob } from './reference/jobPerStep';
import { startOriginal } from './reference/original';
import { cpuSeconds, temporalServers } from './processes';
import { askFor, connectTo } from './socket';

/**
 * Submissions per second and their latency from frame to answer, at increasing load, for three alternatives:
 * this platform, the original (a Python WebSocket server that shells out to kubectl), and one Job per step.
 * The alternatives take turns at each load.
 */

const FAILING = 'raise SystemExit(1)';
const LOADS = [1, 2, 4, 8, 16, 32];
/** Each concurrent deploy uses a separate user, whose pods take their share of the machine. */
const DEPLOY_LOADS = [1, 2, 4];

/** How long after the last verdict all actions are recorded, in milliseconds. */
const RECORDED_AFTER_MS = 1_000;

interface Way {
  name: string;
  loads: number[];
  /** How many submissions are measured at this load. */
  count: (load: number) => number;
  /** The processes whose processor time is measured. */
  pids?: Record<keyof Costs, number[]>;
  /** Opens a lane, which sends one submission at a time. */
  lane: (index: number) => Promise<{ submit: () => Promise<unknown>; close?: () => Promise<void> }>;
}

/** Processor time of the platform, in milliseconds for each submission. */
type Costs = Record<'Temporal' | 'worker' | 'gateway', number>;

interface Sample {
  way: string;
  load: number;
  count: number;
  perSecond: number;
  p50: number;
  p95: number;
  /** Only of this platform, and only where Temporal runs on this machine. */
  costs?: Costs;
}

export async function benchEndToEnd(): Promise<Findings> {
  const id = randomBytes(3).toString('hex');
  const users = DEPLOY_LOADS.map((_, index) => index)
    .concat(DEPLOY_LOADS.length)
    .map((index) => `bench-${id}-${index}`);
  const platform = await startPlatform();
  const original = await startOriginal();
  const here = { url: `${platform.url}?progress=false`, apiKey: platform.apiKey };
  const there = { url: original.url, apiKey: platform.apiKey };
  const pids = {
    Temporal: temporalServers(),
    worker: [platform.worker.pid],
    gateway: [platform.gatewayPid],
  };
  let deploys = 0;
  const deploying = () => `print('deploy ${deploys++}')`;
  const by =
    (server: typeof here, status: string, message: (lane: number) => object) => async (lane: number) => {
      const connection = await connectTo(server.url, server.apiKey);
      return { submit: () => askFor(status, connection, message(lane)), close: () => connection.close() };
    };
  const failing = () => ({ user_id: users[0], code: FAILING });
  const deploy = (lane: number) => ({ user_id: users[lane], code: deploying() });
  try {
    for (const [lane] of users.entries()) {
      const { submit, close } = await by(here, 'deployed', deploy)(lane);
      await submit();
      await close();
    }
    const failed = await compare('failing tests', [
      {
        name: 'this platform',
        loads: LOADS,
        count: (load) => Math.max(32, 8 * load),
        pids,
        lane: by(here, 'tests_failed', failing),
      },
      {
        name: 'original: kubectl exec',
        loads: LOADS,
        count: (load) => Math.max(16, 2 * load),
        lane: by(there, 'tests_failed', failing),
      },
      { name: 'a Job a step', loads: [1, 2, 4], count: (load) => Math.max(3, load), lane: jobs(users[0]!) },
    ]);
    const deployed = await compare('deploys', [
      {
        name: 'this platform',
        loads: DEPLOY_LOADS,
        count: (load) => Math.max(8, 4 * load),
        lane: by(here, 'deployed', deploy),
      },
      {
        name: 'original: kubectl',
        loads: DEPLOY_LOADS,
        count: (load) => Math.max(8, 4 * load),
        lane: by(there, 'deployed', deploy),
      },
    ]);
    return {
      plots: [...plotsOf('failing', failed), ...plotsOf('deploys', deployed)],
      figures: { failing: failed, deploys: deployed },
      notes: [
        'Failing submissions are of one user, in one test pod. Deploys are redeploys, each lane with a user of its own.',
        'The counts differ between the ways; of fewer than 20, the p95 is the slowest.',
        'The original answered before a rollout was over; its stand-in waits until the container has started, and has no database, files, Service or readiness probe.',
      ],
    };
  } finally {
    await original.stop();
    await platform.stop();
    for (const user of users)
      await kubectl('delete', 'namespace', `user-${user}`, '--wait=false', '--ignore-not-found');
  }
}

function jobs(user: string): Way['lane'] {
  const { kubeconfig, kubeContext: context } = stack();
  const kube = connectKubernetes({ kubeconfig, context });
  return () =>
    Promise.resolve({
      submit: async () => {
        if (await runAsJob(kube, user, FAILING)) throw new Error('The Job of a failing program passed.');
      },
    });
}

async function compare(what: string, ways: Way[]): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const load of ways[0]!.loads)
    for (const way of ways) if (way.loads.includes(load)) samples.push(await sample(way, load));
  const costs = ['Temporal', 'worker', 'gateway'] as const;
  const measured = samples.some((one) => one.costs);
  const costHeader = measured ? [...costs.map((name) => `${name} ms`), 'together'] : [];
  const costCells = (one: Sample) => {
    const each = costs.map((name) => one.costs?.[name]);
    return [...each, one.costs && each.reduce((sum, value) => sum! + value!, 0)].map((value) =>
      value === undefined ? '' : ms(value),
    );
  };
  table(
    [what, 'in flight', 'counted', 'a second', 'p50 ms', 'p95 ms', 'times as many', ...costHeader],
    samples.map((one) => {
      const ours = samples.find(({ way, load }) => way === ways[0]!.name && load === one.load)!;
      const ratio = one === ours ? '' : (ours.perSecond / one.perSecond).toFixed(1);
      return [
        one.way,
        one.load,
        one.count,
        one.perSecond.toFixed(2),
        ms(one.p50),
        ms(one.p95),
        ratio,
        ...(measured ? costCells(one) : []),
      ];
    }),
  );
  return samples;
}

async function sample({ name, count, lane, pids }: Way, load: number): Promise<Sample> {
  const lanes = await Promise.all(Array.from({ length: load }, (_, index) => lane(index)));
  const idle = [...lanes];
  const before = pids && cpuOf(pids);
  const measured = await measure(count(load), load, async () => {
    const one = idle.pop()!;
    await one.submit();
    idle.push(one);
  });
  // Actions are recorded after the verdict.
  if (pids) await wait(RECORDED_AFTER_MS);
  const after = pids && cpuOf(pids);
  const costOf = (name: keyof Costs) => ((after![name] - before![name]) * 1000) / count(load);
  for (const { close } of lanes) await close?.();
  return {
    ...(pids && {
      costs: { Temporal: costOf('Temporal'), worker: costOf('worker'), gateway: costOf('gateway') },
    }),
    way: name,
    load,
    count: count(load),
    perSecond: perSecond(measured),
    p50: percentile(measured.durations, 0.5),
    p95: percentile(measured.durations, 0.95),
  };
}

/** Processor time so far, in seconds. */
function cpuOf(pids: Record<keyof Costs, number[]>): Costs {
  const sum = (of: number[]) => of.reduce((total, pid) => total + cpuSeconds(pid), 0);
  return { Temporal: sum(pids.Temporal), worker: sum(pids.worker), gateway: sum(pids.gateway) };
}

function plotsOf(name: string, samples: Sample[]): Plot[] {
  const ways = [...new Set(samples.map(({ way }) => way))];
  const drawn = (value: (sample: Sample) => number): Plot['series'] =>
    ways.map((way) => ({
      name: way,
      points: samples.filter((one) => one.way === way).map((one) => [one.load, value(one)]),
    }));
  const xLabel = 'submissions in flight';
  return [
    {
      ...{ name: `e2e-${name}-rate`, title: `Submissions a second: ${name}`, xLabel, yLabel: 'a second' },
      series: drawn((one) => one.perSecond),
    },
    {
      ...{ name: `e2e-${name}-latency`, title: `Median from frame to answer: ${name}`, xLabel, yLabel: 'ms' },
      series: drawn((one) => one.p50),
    },
  ];
}
