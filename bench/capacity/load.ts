import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { endWorkflows } from '../../test/integration/platform';
import { startProcess } from '../../test/integration/process';
import { stack } from '../../test/integration/stack';
import type { Findings } from '../findings';
import { ms, percentile, table } from '../measure';
import { cpuSeconds, machineTime, temporalServers } from '../processes';
import { connectTo, type Asking } from '../socket';

/**
 * Finds which of gateway, worker and Temporal saturates first under thousands of users whose test pods are
 * simulated. The first row is the baseline of the rows below it.
 */

const USERS = 5_000;
const LOADS = [4, 16, 64, 128];
const SECONDS = 10;

interface Step {
  load: number;
  perSecond: number;
  /** Answered with an error because the platform was overloaded. */
  refused: number;
  p50: number;
  p95: number;
  /** Processors in use, by process. */
  cpus: Record<string, number>;
  /** Share of the machine's processors in use, by all its processes. */
  machine: number;
}

export async function benchCapacity(): Promise<Findings> {
  const apiKey = randomUUID();
  const environment = {
    TEMPORAL_ADDRESS: stack().temporalAddress,
    TEMPORAL_TASK_QUEUE: `capacity-${randomUUID().slice(0, 8)}`,
  };
  const edge = { HOST: '127.0.0.1', PORT: '0', API_KEY: apiKey };
  const worker = await startProcess('bench/capacity/worker.ts', 'worker ready', environment);
  try {
    const gateway = await startProcess('gateway/main.ts', 'gateway ready', { ...environment, ...edge });
    try {
      const url = `${String(gateway.ready.url).replace(/^http/, 'ws')}/ws/code?progress=false`;
      const pids = {
        gateway: gateway.pid,
        worker: worker.pid,
        'load generator': process.pid,
        ...temporalServer(),
      };
      const steps: Step[] = [];
      for (const load of LOADS) steps.push(await step(url, apiKey, load, pids));
      return report(steps);
    } finally {
      await gateway.stop();
    }
  } finally {
    await worker.stop();
    await endWorkflows(environment.TEMPORAL_ADDRESS, environment);
  }
}

/** The pid of Temporal's server, when it runs on this machine. */
function temporalServer(): Record<string, number> {
  const [pid] = temporalServers();
  return pid === undefined ? {} : { Temporal: pid };
}

async function step(url: string, apiKey: string, load: number, pids: Record<string, number>): Promise<Step> {
  const connections = await Promise.all(Array.from({ length: load }, () => connectTo(url, apiKey)));
  const before = { machine: machineTime(), cpus: Object.values(pids).map(cpuSeconds) };
  const start = performance.now();
  const end = start + SECONDS * 1000;
  const latencies: number[] = [];
  let refused = 0;
  const submitAll = async (connection: Asking) => {
    while (performance.now() < end) {
      const sent = performance.now();
      const user = `capacity-${Math.floor(Math.random() * USERS)}`;
      const { status, code } = await connection.ask({ user_id: user, code: 'raise SystemExit(1)' });
      if (status === 'tests_failed') latencies.push(performance.now() - sent);
      else if (code === 'unavailable') refused += 1;
      else throw new Error(`Neither tests_failed nor unavailable: ${String(status ?? code)}.`);
    }
  };
  await Promise.all(connections.map(submitAll));
  const seconds = (performance.now() - start) / 1000;
  const machine = machineTime();
  const cpus = Object.fromEntries(
    Object.entries(pids).map(([name, pid], index) => [
      name,
      (cpuSeconds(pid) - before.cpus[index]!) / seconds,
    ]),
  );
  await Promise.all(connections.map((connection) => connection.close()));
  return {
    load,
    perSecond: latencies.length / seconds,
    refused,
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    cpus,
    machine: (machine.busy - before.machine.busy) / (machine.all - before.machine.all),
  };
}

function report(steps: Step[]): Findings {
  const names = Object.keys(steps[0]!.cpus);
  table(
    [
      'simulated test pods',
      'a second',
      'times the first',
      'refused',
      'p50 ms',
      'p95 ms',
      ...names.map((name) => `${name} CPUs`),
      'machine',
    ],
    steps.map((one) => [
      `${one.load} in flight`,
      one.perSecond.toFixed(1),
      (one.perSecond / steps[0]!.perSecond).toFixed(1),
      one.refused,
      ms(one.p50),
      ms(one.p95),
      ...names.map((name) => one.cpus[name]!.toFixed(2)),
      `${(one.machine * 100).toFixed(0)} %`,
    ]),
  );
  const best = steps.reduce((most, one) => (one.perSecond > most.perSecond ? one : most));
  const ours = Object.values(best.cpus).reduce((sum, value) => sum + value, 0);
  const each = names.map((name) => `${name} ${ms((best.cpus[name]! / best.perSecond) * 1000)}`).join(', ');
  const [first = 'nothing'] = Object.entries(best.cpus)
    .sort(([, one], [, other]) => other - one)
    .map(([name]) => name);
  return {
    figures: { users: USERS, steps, most: best.perSecond, busiest: first },
    notes: [
      `At most ${best.perSecond.toFixed(1)} submissions a second of ${USERS} users, at ${best.load} in flight; the machine was ${(best.machine * 100).toFixed(0)} % busy, and of the platform's processes ${first} used the most (${best.cpus[first]!.toFixed(2)} processors).`,
      `These processes used ${ours.toFixed(2)} of the machine's ${cpus().length} processors; the rest of what was busy was other work, which takes from the rate. A submission took, in milliseconds of a processor: ${each}.`,
      'Refused are those that the gateway answered by `unavailable`, since Temporal did not answer in time.',
      'A Temporal that others use at the same time has their work in its figure too.',
    ],
    plots: [
      {
        name: 'capacity-processors',
        title: 'Processors in use, with simulated test pods',
        xLabel: 'submissions in flight',
        yLabel: 'processors',
        series: names.map((name) => ({ name, points: steps.map((one) => [one.load, one.cpus[name]!]) })),
      },
    ],
  };
}
