import { TestWorkflowEnvironment } from '@temporalio/testing';
import { temporalProgram } from '../../infrastructure/local/artifacts/temporalProgram';
import { Progress } from '../../infrastructure/local/machine/progress';
import { readSettings } from '../../infrastructure/local/settings';
import { versionsOf } from '../../worker/versions/deployment';
import { Client, type Frame } from './client';
import { eventually } from './eventually';
import { kubectl } from './kubectl';
import { startPlatform, type Platform } from './platform';
import { runScript } from './script';

/**
 * Two versions of a worker on a Temporal server of their own, which looks for drained versions every second: what was
 * begun by the old one ends there, what begins then is the new one's, and the old one is drained in the end.
 */

const [USER, OTHER] = ['versions', 'versions-2'];
const DEPLOYMENT = 'orchestration';

/** Waits for its end by a cancellation. */
const LONG = "import time; print('begun', flush=True); time.sleep(100)";

let temporal: TestWorkflowEnvironment;
let platform: Platform;
let client: Client;

async function versions(...args: string[]): Promise<object> {
  const { output } = await runScript('worker/versions/main.ts', args, {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_TASK_QUEUE: platform.taskQueue,
    WORKER_DEPLOYMENT: DEPLOYMENT,
  });
  if (!output.startsWith('{')) throw new Error(output);
  return JSON.parse(output) as object;
}

async function stateOf(buildId: string) {
  const listed = await versionsOf(temporal.client, DEPLOYMENT);
  return listed.find(({ build_id }) => build_id === buildId);
}

/** The version that a workflow was worked on by last. */
async function versionOf(workflowId: unknown): Promise<string | null | undefined> {
  const { raw } = await temporal.client.workflow.getHandle(String(workflowId)).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
}

/** Begins a submission, and comes back when the frame is there. */
async function begin(userId: string, code: string, until: (frame: Frame) => boolean): Promise<Frame> {
  const known = new Set(client.frames);
  client.send({ user_id: userId, code });
  const accepted = await client.frame((frame) => !known.has(frame) && frame.type === 'accepted');
  await client.frame((frame) => frame.submission_id === accepted.submission_id && until(frame));
  return accepted;
}

const final = ({ submission_id }: Frame) =>
  client.frame((frame) => 'status' in frame && frame.submission_id === submission_id);

beforeAll(async () => {
  const quickly = ['VersionDrainageStatusVisibilityGracePeriod', 'VersionDrainageStatusRefreshInterval'];
  temporal = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: await temporalProgram(readSettings(), new Progress()) },
      extraArgs: quickly.flatMap((name) => ['--dynamic-config-value', `matching.wv.${name}="1s"`]),
    },
  });
  platform = await startPlatform({
    TEMPORAL_ADDRESS: temporal.address,
    WORKER_DEPLOYMENT: DEPLOYMENT,
    WORKER_BUILD_ID: 'old',
    RUN_WALL_SECONDS: '120',
  });
  client = await Client.connect(platform);
});

afterAll(async () => {
  await client?.close();
  await platform?.stop();
  await temporal?.teardown();
  for (const user of [USER, OTHER])
    await kubectl('delete', 'namespace', `user-${user}`, '--ignore-not-found', '--wait=false');
});

test('a version gets no work before it is promoted', async () => {
  const accepted = await begin(USER, "print('Hello')", ({ type }) => type === 'accepted');
  expect(await stateOf('old')).toMatchObject({ state: 'inactive', open_runs: 0 });
  expect(await versions('promote', 'old')).toMatchObject({ promoted: true, refused: [] });
  expect((await final(accepted)).status).toBe('deployed');
  const [old] = await versionsOf(temporal.client, DEPLOYMENT);
  expect(old).toMatchObject({ build_id: 'old', state: 'current' });
  expect(await versions()).toMatchObject({
    deployment: DEPLOYMENT,
    versions: [{ build_id: 'old', state: 'current' }],
  });
});

test("a run stays with its version, new ones are the new version's, and the old one drains", async () => {
  const begun = await begin(USER, LONG, ({ type }) => type === 'output');
  const worker = await platform.startWorker({ WORKER_BUILD_ID: 'new' });
  expect(worker.ready).toMatchObject({ deploymentName: DEPLOYMENT, buildId: 'new' });
  expect(await versions('promote', 'new')).toMatchObject({ promoted: true, refused: [] });

  const next = await begin(OTHER, "print('Hello')", (frame) => 'status' in frame);
  expect((await final(next)).status).toBe('deployed');
  expect(await versionOf(next.workflow_id)).toBe('new');
  expect(await stateOf('old')).toMatchObject({ state: 'draining', open_runs: 1 });

  client.send({ type: 'cancel', submission_id: begun.submission_id });
  expect((await final(begun)).status).toBe('cancelled');
  expect(await versionOf(begun.workflow_id)).toBe('old');
  await eventually(
    async () => expect(await stateOf('old')).toMatchObject({ state: 'drained', open_runs: 0 }),
    60_000,
  );
  await platform.worker.stop();

  const after = await begin(USER, "print('again')", (frame) => 'status' in frame);
  expect((await final(after)).status).toBe('deployed');
  expect(await versionOf(`order-${platform.taskQueue}-${USER}`)).toBe('new');
}, 300_000);

test('what no worker has ever been cannot be promoted', async () => {
  await expect(versions('promote', 'unheard-of')).rejects.toThrow('Version not found in deployment');
});
