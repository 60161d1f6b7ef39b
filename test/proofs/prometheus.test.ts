import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection, Client as Temporal } from '@temporalio/client';
import { prometheusPrograms, type PrometheusPrograms } from '../../local-stack/artifacts/prometheusPrograms';
import { runCommand } from '../../local-stack/machine/command';
import { Progress } from '../../local-stack/machine/progress';
import { readSettings } from '../../local-stack/settings';
import { expressions, PROMETHEUS, readRules } from '../monitoring/files';
import { namesIn } from '../monitoring/names';
import { Client } from '../integration/client';
import { httpUrl } from '../integration/contract';
import { eventually } from '../integration/eventually';
import { removeUsers } from '../integration/kubectl';
import { startPlatform, type Platform } from '../integration/platform';
import { stack } from '../integration/stack';

/**
 * A real Prometheus scrapes a real gateway and worker, and all metrics of the rules and the dashboard exist.
 */

/** A new user each time, because creating its environment is counted. */
const USER = `metrics-${randomUUID().slice(0, 8)}`;

let programs: PrometheusPrograms;
let platform: Platform;
let worker: string;
let folder: string;
let server: ChildProcess;
let address: string;

beforeAll(async () => {
  programs = await prometheusPrograms(readSettings(), new Progress());
  platform = await startPlatform({ WORKER_PORT: '0', HOST: '127.0.0.1' });
  worker = `http://127.0.0.1:${String(platform.worker.ready.healthPort)}`;
  folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
});

afterAll(async () => {
  if (server) {
    const gone = once(server, 'exit');
    server.kill();
    await gone;
  }
  await platform?.stop();
  if (folder) await rm(folder, { recursive: true });
  await removeUsers(USER);
});

test('promtool finds nothing wrong with the rules, and their own tests pass', async () => {
  const cwd = PROMETHEUS;
  await expect(runCommand(programs.promtool, ['check', 'rules', 'rules.yaml'], { cwd })).resolves.toContain(
    'SUCCESS',
  );
  await expect(
    runCommand(programs.promtool, ['check', 'config', 'prometheus.yaml'], { cwd }),
  ).resolves.toContain('SUCCESS');
  await expect(
    runCommand(programs.promtool, ['test', 'rules', 'rules.test.yaml'], { cwd }),
  ).resolves.toContain('SUCCESS');
});

test('a worker says that it lives, that it is ready, and what it has counted', async () => {
  const client = await Client.connect(platform);
  expect((await client.submit(USER, "print('Hello')")).status).toBe('deployed');
  expect((await client.submit(USER, 'raise SystemExit(1)')).status).toBe('tests_failed');
  await waitForAnother(client);
  client.send('no message');
  await client.frame(({ type }) => type === 'error');
  await client.close();
  await failWorkflowTask();

  await expect(fetch(`${worker}/healthz`)).resolves.toMatchObject({ status: 200 });
  await expect(fetch(`${worker}/readyz`)).resolves.toMatchObject({ status: 200 });
  await expect(fetch(`${worker}/nothing`)).resolves.toMatchObject({ status: 404 });
  const told = (await metricsOf(worker)).split('\n');
  expect(told).toEqual(
    expect.arrayContaining([
      'worker_verdicts_total{status="deployed"} 1',
      'worker_verdicts_total{status="tests_failed"} 3',
      'worker_failures_total{stage="run_tests",failure="TestPodBusy"} 1',
      'worker_rollouts_total{outcome="live"} 1',
      'worker_environment_changes_total{kind="Pod"} 1',
      'worker_stage_seconds_count{stage="await_rollout",outcome="success"} 1',
      'worker_exec_streams 1',
      expect.stringMatching(/^orchestration_log_documents_total\{result="stored"\} \d+$/),
      expect.stringMatching(/^orchestration_submissions_unrecorded \d$/),
    ]),
  );
});

test('no metric names a user, and each has its unit', async () => {
  for (const url of [worker, httpUrl(platform.url)]) {
    const text = await metricsOf(url);
    expect(text.split('\n').filter((line) => line.includes(USER))).toEqual([]);
    const own = [...text.matchAll(/^# TYPE ((?:worker|gateway|orchestration)_\w+) (\w+)$/gm)];
    expect(own.length).toBeGreaterThan(8);
    for (const [, name, type] of own) {
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  }
});

test('Prometheus reads both, evaluates every rule, and knows every name in rules and dashboard', async () => {
  address = await startPrometheus();
  const recorded = readRules().flatMap(({ record }) => (record === undefined ? [] : [record]));
  await eventually(async () => {
    const { result } = await ask<{ result: { value: [number, string] }[] }>('query', {
      query: 'count(up == 1)',
    });
    expect(result[0]?.value[1]).toBe('2');
  });
  const told = `${await metricsOf(worker)}\n${await metricsOf(httpUrl(platform.url))}`;
  const families = [...told.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  const known = new Set([...families, ...recorded, 'up', 'ALERTS']);
  const labels = new Set([...(await ask<string[]>('labels', {})), 'alertstate']);
  for (const [where, expr] of expressions()) {
    const names = namesIn(expr);
    expect([where, names.metrics.filter((name) => !known.has(name))]).toEqual([where, []]);
    expect([where, names.labels.filter((name) => !labels.has(name))]).toEqual([where, []]);
    await expect(ask('query', { query: expr })).resolves.toBeDefined();
  }
  await eventually(async () => {
    const { groups } = await ask<{ groups: { rules: { name: string; health: string }[] }[] }>('rules', {});
    const health = groups.flatMap(({ rules }) => rules.map((rule) => [rule.name, rule.health]));
    expect(health).toHaveLength(readRules().length);
    expect(health.filter(([, state]) => state !== 'ok')).toEqual([]);
  });
});

/** A failing attempt at a stage, for metrics that only exist after one: another run occupies the test pod. */
async function waitForAnother(client: Client): Promise<void> {
  client.frames.length = 0;
  const submission_id = `holds-${USER}`;
  const code = "input('waits'); raise SystemExit(1)";
  client.send({ user_id: USER, code, submission_id, interactive: true });
  await client.frame(({ type }) => type === 'output');
  client.send({ user_id: USER, code: 'raise SystemExit(1)' });
  await client.frame(({ state, cursor }) => state === 'queued' && cursor !== undefined);
  client.send({ type: 'stdin', submission_id, data: '\n' });
  const isFinal = (frame: object) => 'status' in frame;
  await client.frame((frame) => isFinal(frame) && client.frames.filter(isFinal).length === 2);
}

/** A failing workflow task, for metrics that only exist after one: no workflow type has this name. */
async function failWorkflowTask(): Promise<void> {
  const connection = await Connection.connect({ address: stack().temporalAddress });
  try {
    const { workflow } = new Temporal({ connection });
    const { taskQueue } = platform;
    const handle = await workflow.start('noSuchWorkflow', { taskQueue, workflowId: `none-${taskQueue}` });
    await eventually(async () => {
      expect(await metricsOf(worker)).toContain('temporal_workflow_task_execution_failed_total');
    });
    await handle.terminate('the test is over');
  } finally {
    await connection.close();
  }
}

async function metricsOf(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0.0.4/);
  return response.text();
}

async function startPrometheus(): Promise<string> {
  const job = (name: string, url: string) => ({
    job_name: name,
    static_configs: [{ targets: [new URL(url).host] }],
  });
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(PROMETHEUS, 'rules.yaml')],
    scrape_configs: [
      job('orchestration-worker', worker),
      job('orchestration-gateway', httpUrl(platform.url)),
    ],
  };
  const file = join(folder, 'prometheus.json'); // JSON is valid YAML.
  await writeFile(file, JSON.stringify(config));
  server = spawn(
    programs.prometheus,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--log.format=json',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  server.stderr?.on('data', (text: Buffer) => (said += text.toString()));
  let listening: string | undefined;
  await eventually(() => {
    listening = /"address":"(127\.0\.0\.1:[1-9]\d*)"/.exec(said)?.[1];
    if (listening === undefined) throw new Error(`Prometheus does not listen: ${said}`);
    return Promise.resolve();
  });
  return `http://${listening}`;
}

/** @throws Error with Prometheus' message when the call fails */
async function ask<T>(call: string, parameters: Record<string, string>): Promise<T> {
  const response = await fetch(`${address}/api/v1/${call}?${new URLSearchParams(parameters).toString()}`);
  const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
  if (status !== 'success') throw new Error(`${call} ${JSON.stringify(parameters)}: ${error}`);
  return data;
}
