/**
 * `npm run bench -- run`: runs a tiny program in a test pod in three ways: with `kubectl exec` and a new interpreter for
 * each run (as the platform that this one replaced did, so it is the baseline), with the same exec but no kubectl process,
 * and with the resident supervisor. Then measures the latency of a failing submission from its frame to its answer, and
 * its parts.
 */
import { randomUUID } from 'node:crypto';
import { PassThrough, Writable } from 'node:stream';
import type { V1Status } from '@kubernetes/client-node';
import { connectKubernetes } from '../infrastructure/kubernetes/api/client';
import type { Kube } from '../infrastructure/kubernetes/api/client';
import { createEnvironments } from '../infrastructure/kubernetes/environment/environments';
import { createTestRunner } from '../infrastructure/kubernetes/testPod/testRunner';
import { loadLanguages } from '../sandbox/languages/languages';
import { Client } from '../test/integration/client';
import type { Frame } from '../test/integration/client';
import { kubectl } from '../test/integration/kubectl';
import { startPlatform } from '../test/integration/platform';
import { stack } from '../test/integration/stack';
import { measure, ms, percentile, perSecond, table } from './measure';

const USER = 'bench';
const NAMESPACE = `user-${USER}`;
const POD = `${USER}-test`;
const CODE = "print('Hello')";
const FRESH = ['python3', '-c', CODE];
const IN_FLIGHT = [1, 8, 32];
const SUBMISSIONS = 40;

/** The context of a call outside an activity: it has a deadline of 5 minutes, and its heartbeats are ignored. */
const callContext = () => ({ signal: AbortSignal.timeout(300_000), heartbeat: () => undefined });

export async function benchRun(): Promise<void> {
  const { workerKubeconfig: kubeconfig, kubeContext: context, images } = stack();
  const kube = connectKubernetes({ kubeconfig, context });
  await createEnvironments(kube, { testImage: images.test }).ensure(USER, callContext());
  const runner = createTestRunner(kube, { languages: loadLanguages() });
  try {
    await compare({
      'kubectl exec, a process each': {
        call: () => kubectl('exec', POD, '-n', NAMESPACE, '--', ...FRESH),
        count: 32,
      },
      'exec of a fresh interpreter': { call: () => execFresh(kube), count: 64 },
      'this runner': { call: () => runOnce(runner), count: 640 },
    });
  } finally {
    runner.close();
  }
  await endToEnd();
  await kubectl('delete', 'namespace', NAMESPACE, '--wait=false');
}

/** Prints a row for each way. The first one is the baseline of the others. */
async function compare(ways: Record<string, { call: () => Promise<unknown>; count: number }>): Promise<void> {
  const rows: (string | number)[][] = [];
  let baseline: { p50: number; rates: number[] } | undefined;
  for (const [name, { call, count }] of Object.entries(ways)) {
    await measure(4, 1, call);
    const sequential = await measure(count, 1, call);
    const rates = [perSecond(sequential)];
    for (const inFlight of IN_FLIGHT.slice(1)) rates.push(perSecond(await measure(count, inFlight, call)));
    const p50 = percentile(sequential.durations, 0.5);
    baseline ??= { p50, rates };
    const { p50: baseP50, rates: baseRates } = baseline;
    rows.push([
      name,
      ms(p50),
      ms(percentile(sequential.durations, 0.95)),
      `${(baseP50 / p50).toFixed(1)}x`,
      ...rates.map((rate, index) => `${rate.toFixed(1)} (${(rate / baseRates[index]!).toFixed(1)}x)`),
    ]);
  }
  table(['a tiny program', 'p50 ms', 'p95 ms', 'faster', ...IN_FLIGHT.map((n) => `runs/s at ${n}`)], rows);
}

async function runOnce(runner: ReturnType<typeof createTestRunner>): Promise<void> {
  const submissionId = randomUUID();
  const report = await runner.run(
    {
      key: submissionId,
      userId: USER,
      submissionId,
      program: { language: 'python', files: { 'main.py': CODE }, entrypoint: 'main.py', requirements: [] },
      command: 'run',
      input: { stdin: '', args: [], env: {} },
      limits: { wallMs: 10_000, memoryBytes: 1 << 28, keepOutputBytes: 65_536, maxOutputBytes: 10_485_760 },
    },
    callContext(),
  );
  if (report.stdout.text !== 'Hello\n') throw new Error(`The run printed ${JSON.stringify(report.stdout)}.`);
}

/** Calls the API server's exec through the client library. */
async function execFresh(kube: Kube): Promise<void> {
  let printed = '';
  const stdout = new Writable({
    write(data: Buffer, _encoding, done) {
      printed += data.toString();
      done();
    },
  });
  await new Promise<void>((resolve, reject) => {
    const onStatus = (status: V1Status) =>
      status.status === 'Success' ? resolve() : reject(new Error(status.message));
    kube.exec
      .exec(NAMESPACE, POD, 'runner', FRESH, stdout, new PassThrough().resume(), null, false, onStatus)
      .catch(reject);
  });
  if (printed !== 'Hello\n') throw new Error(`The exec printed ${JSON.stringify(printed)}.`);
}

/** Sends failing submissions sequentially, on one connection. */
async function endToEnd(): Promise<void> {
  const platform = await startPlatform();
  try {
    const client = await Client.connect(platform);
    await client.submit(USER, 'raise SystemExit(1)');
    const split: Record<string, number[]> = {};
    const note = (part: string, value: number) => (split[part] ??= []).push(value);
    for (let index = 0; index < SUBMISSIONS; index++) {
      const sent = Date.now();
      const began = performance.now();
      const final = await client.submit(USER, 'raise SystemExit(1)');
      const total = performance.now() - began;
      if (final.status !== 'tests_failed') throw new Error(`The answer was ${JSON.stringify(final)}.`);
      notePartsOf(client.frames, final, sent, total, note);
    }
    await client.close();
    console.log();
    const rows = Object.entries(split).map(([part, values]) => [
      part,
      ms(percentile(values, 0.5)),
      ms(percentile(values, 0.95)),
    ]);
    table(['frame sent to tests_failed', 'p50 ms', 'p95 ms'], rows);
  } finally {
    await platform.stop();
  }
}

/** The client and Temporal share this machine's clock; a frame's `at` is the time of its event. */
function notePartsOf(
  frames: Frame[],
  final: Frame,
  sent: number,
  total: number,
  note: (part: string, value: number) => void,
): void {
  const at = (matches: (frame: Frame) => boolean) => Date.parse(String(frames.find(matches)?.at));
  const accepted = at(({ type }) => type === 'accepted');
  const started = at(({ stage, state }) => stage === 'run_tests' && state === 'started');
  const ended = at(({ stage, state }) => stage === 'run_tests' && state === 'completed');
  const wall = Number(final.wall_ms);
  note('gateway: frame to workflow', accepted - sent);
  note('Temporal: workflow to its task', started - accepted);
  note('worker and Temporal: the task, without the program', ended - started - wall);
  note('the program itself', wall);
  note('Temporal and gateway: verdict to frame', total - (ended - sent));
  note('total', total);
}
