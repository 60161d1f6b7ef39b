import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as Elasticsearch } from '@elastic/elasticsearch';
import { Client as Temporal, Connection } from '@temporalio/client';
import { readSettings } from '../../local-stack/settings';
import { Client } from '../integration/client';
import { startEngine, type Engine } from './composed/engine';
import { prepareProject, type Project } from './composed/project';
import { eventually } from '../integration/eventually';
import { kubectl, removeUsers } from '../integration/kubectl';
import { stack } from '../integration/stack';

/**
 * A real `docker compose up -d --build` with existing Temporal and Kubernetes servers: Docker builds the
 * images from the Dockerfiles, and runs gateway, worker and Elasticsearch in containers.
 */

const USER = 'composed';
const SERVICES = ['elasticsearch', 'gateway', 'worker'];
/** The uid in Dockerfile.gateway and Dockerfile.worker. */
const PLATFORM_UID = '10003';

let directory: string;
let engine: Engine;
let project: Project;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'composed-'));
  const settings = readSettings();
  engine = await startEngine(join(directory, 'engine'), settings);
  project = await prepareProject(directory, engine, settings);
  await project.compose('up', '--detach', '--build', '--wait').catch(async (error: unknown) => {
    const logs = await project.compose('logs', '--no-color', '--tail', '30');
    throw new Error(`${(error as Error).message}\n${logs}`);
  });
}, 1_200_000); // For a machine that has never built any of it.

afterAll(async () => {
  await project?.compose('down', '--volumes', '--timeout', '30');
  await engine?.remove();
  await rm(directory, { recursive: true });
  await removeUsers(USER);
  if (project) await terminateAll();
}, 180_000);

async function terminateAll(): Promise<void> {
  const connection = await Connection.connect({ address: stack().temporalAddress });
  const temporal = new Temporal({ connection });
  const query = `TaskQueue = '${project.taskQueue}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of temporal.workflow.list({ query }))
    await temporal.workflow.getHandle(workflowId).terminate('the test is over');
  await connection.close();
}

interface Container {
  State: {
    Pid: number;
    StartedAt: string;
    ExitCode: number;
    Health: { Status: string; Log: { End: string }[] };
  };
  RestartCount: number;
}

async function containerOf(service: string): Promise<Container> {
  const id = (await project.compose('ps', '--all', '--quiet', service)).trim();
  const [container] = JSON.parse(await engine.docker('inspect', id)) as [Container];
  return container;
}

const connect = () => {
  const { gatewayPort, apiKey } = project;
  return Client.connect({ url: `ws://127.0.0.1:${gatewayPort}/ws/code`, apiKey }, '?progress=false');
};

test('the images of users’ pods are built by Docker as well', async () => {
  const services = ['test-pod', 'program', 'database'];
  await project.compose('build', ...services.map((name) => `${name}-image`));
  const built = await engine.docker('images', '--format', '{{.Repository}}');
  for (const name of services) expect(built.split('\n')).toContain(`orchestration-app/${name}`);
}, 300_000);

test('all is healthy, and who needs another waited until that was', async () => {
  const containers = await Promise.all(SERVICES.map(containerOf));
  expect(containers.map(({ State }) => State.Health.Status)).toEqual(SERVICES.map(() => 'healthy'));
  const [elasticsearch, , worker] = containers;
  const firstHealthy = Date.parse(elasticsearch!.State.Health.Log[0]!.End);
  expect(Date.parse(worker!.State.StartedAt)).toBeGreaterThan(firstHealthy);
});

test.each(['gateway', 'worker'])('the %s has no rights that it does not need', async (service) => {
  const { State } = await containerOf(service);
  const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
  expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe(PLATFORM_UID);
  expect(/^CapEff:\s+(\w+)/m.exec(status)?.[1]).toMatch(/^0+$/);
  expect(/^NoNewPrivs:\s+(\d)/m.exec(status)?.[1]).toBe('1');
  const [, root] = / \/ \/ (\w+)/.exec(readFileSync(`/proc/${State.Pid}/mountinfo`, 'utf8')) ?? [];
  expect(root).toBe('ro');
});

test('the two submissions come to their ends, with their actions in the Elasticsearch of the project', async () => {
  const client = await connect();
  expect(await client.submit(USER, "print('broken'")).toMatchObject({ status: 'tests_failed' });
  const deployed = await client.submit(USER, "print('Hello')");
  expect(deployed).toMatchObject({ status: 'deployed', namespace: `user-${USER}` });
  await client.close();
  const elasticsearch = new Elasticsearch({ node: project.elasticsearch });
  await eventually(async () => {
    const id = String(deployed.submission_id);
    const { count } = await elasticsearch.count({
      index: 'orchestration-actions',
      query: { term: { 'submission.id': id } },
    });
    expect(count).toBeGreaterThan(0);
  });
  await elasticsearch.close();
});

test('a worker that dies is started again, and the submission that it had comes to its end', async () => {
  const client = await connect();
  const before = await containerOf('worker');
  client.send({ user_id: USER, code: 'import time\ntime.sleep(5)\nraise SystemExit(4)' });
  await eventually(async () =>
    expect(await podLog()).toMatch(/start main\.py[^]*start main\.py[^]*start main\.py/),
  );
  process.kill(before.State.Pid, 'SIGKILL');
  expect(await client.frame((frame) => 'status' in frame)).toMatchObject({
    status: 'tests_failed',
    exit_code: 4,
  });
  await client.close();
  const after = await containerOf('worker');
  expect(after.State.Pid).not.toBe(before.State.Pid);
  expect(after.RestartCount).toBe(1);
});

const podLog = () => kubectl('logs', `${USER}-test`, '-n', `user-${USER}`);

test('asked to stop, gateway and worker end by themselves', async () => {
  await project.compose('stop', 'gateway', 'worker');
  const codes = await Promise.all(['gateway', 'worker'].map(containerOf));
  expect(codes.map(({ State }) => State.ExitCode)).toEqual([0, 0]);
});
