import { randomUUID } from 'node:crypto';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { temporalProgram } from '../../local-stack/artifacts/temporalProgram';
import { Progress } from '../../local-stack/machine/progress';
import { readSettings } from '../../local-stack/settings';
import type { CallContext } from '../../activities/ports';
import { ensureSearchAttributes } from '../../infrastructure/temporal/searchAttributes';
import { bundleWorkflows } from '../../worker/bundle';
import { versionsOf } from '../../operations/versions/deployment';
import { createWorker } from '../../worker/worker';
import { orderIdOf, SUBMIT_CODE, workflowIdOf, type SubmitCodeInput } from '../../workflows/contract';
import { pass, scripted } from '../scripted/ports';
import type { SubmitCode } from '../scripted/temporal';
import { eventually } from '../integration/eventually';
import { runScript } from '../integration/script';

/**
 * Two versions of a worker, with scripted ports, on a real Temporal server that checks for drained versions
 * every second. Workflows of the old one end there, later ones use the new one, and the old one drains.
 */

const DEPLOYMENT = 'orchestration';
const TASK_QUEUE = 'versions';
const USER = 'test';

const QUICKLY = ['VersionDrainageStatusVisibilityGracePeriod', 'VersionDrainageStatusRefreshInterval'];

let temporal: TestWorkflowEnvironment;
const running: { stop: () => Promise<void> }[] = [];

/**
 * Runs a worker of a version. @returns the submissions whose tests it ran, and a function that lets them end
 */
async function startVersion(buildId: string) {
  const tested = new Set<string>();
  let letEnd = () => {};
  const mayEnd = new Promise<void>((resolve) => (letEnd = resolve));
  const run = async ({ submissionId }: { submissionId: string }, context: CallContext) => {
    tested.add(submissionId);
    const timer = setInterval(() => context.heartbeat(), 1_000);
    const { signal } = context;
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
    await Promise.race([mayEnd, ended]).finally(() => clearInterval(timer));
    return pass;
  };
  const logger = new DefaultLogger('ERROR');
  const workflowBundle = await bundleWorkflows({ versioned: true, logger });
  const version = { deploymentName: DEPLOYMENT, buildId };
  const worker = await createWorker(
    temporal.nativeConnection,
    { namespace: 'default', taskQueue: TASK_QUEUE, workflowBundle, version },
    scripted({ testRunner: { run } }, { calls: [], documents: [], output: [] }),
  );
  const ended = worker.run();
  const stop = () => {
    letEnd();
    if (worker.getState() === 'RUNNING') worker.shutdown();
    return ended;
  };
  running.push({ stop });
  return { tested, letEnd, stop };
}

function submit() {
  const submissionId = randomUUID();
  const input: SubmitCodeInput = {
    ...{ submissionId, userId: USER, tests: null, limits: {}, codeDigest: 'digest' },
    program: { language: 'python', files: { 'main.py': '' }, entrypoint: 'main.py', requirements: [] },
    input: { stdin: '', args: [], env: {} },
    acceptedAt: new Date().toISOString(),
  };
  const workflowId = workflowIdOf(submissionId);
  const options = { taskQueue: TASK_QUEUE, workflowId, args: [input] as [SubmitCodeInput] };
  return temporal.client.workflow.start<SubmitCode>(SUBMIT_CODE, options);
}

const submissionOf = ({ workflowId }: { workflowId: string }) => workflowId.slice(workflowIdOf('').length);

async function versions(...args: string[]): Promise<{ code: number; report: object }> {
  const { code, output } = await runScript('operations/versions/main.ts', args, {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_TASK_QUEUE: TASK_QUEUE,
    WORKER_DEPLOYMENT: DEPLOYMENT,
  });
  return { code, report: output.startsWith('{') ? (JSON.parse(output) as object) : { output } };
}

async function stateOf(buildId: string) {
  const listed = await versionsOf(temporal.client, DEPLOYMENT);
  return listed.find(({ build_id }) => build_id === buildId);
}

/** The version that last executed a workflow. */
async function versionOf(workflowId: string): Promise<string | null | undefined> {
  const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
}

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  temporal = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: await temporalProgram(readSettings(), new Progress()) },
      extraArgs: QUICKLY.flatMap((name) => ['--dynamic-config-value', `matching.wv.${name}="1s"`]),
    },
  });
  const { operatorService } = temporal.connection;
  await ensureSearchAttributes(operatorService, 'default', ['UserId', 'SubmissionStatus', 'CodeDigest']);
});

afterAll(async () => {
  await Promise.all(running.map(({ stop }) => stop()));
  await temporal?.teardown();
});

test('a run stays with its version, new ones are those of the promoted one, and the old one drains', async () => {
  const old = await startVersion('old');
  const first = await submit();
  await eventually(async () => expect(await stateOf('old')).toMatchObject({ state: 'inactive' }));
  expect([...old.tested]).toEqual([]);
  expect(await versions('promote', 'old')).toMatchObject({
    code: 0,
    report: { promoted: true, refused: [] },
  });
  await eventually(() => Promise.resolve(expect([...old.tested]).toEqual([submissionOf(first)])));

  const renewed = await startVersion('new');
  renewed.letEnd();
  await eventually(async () => expect(await stateOf('new')).toMatchObject({ state: 'inactive' }));
  const promoted = { code: 0, report: { build_id: 'new', promoted: true, ok: 1, refused: [] } };
  expect(await versions('promote', 'new')).toMatchObject(promoted);
  // A run belongs to a version once its first workflow task has ended.
  await eventually(async () =>
    expect(await stateOf('old')).toMatchObject({ state: 'draining', open_runs: 1 }),
  );

  const next = await submit();
  expect((await next.result()).status).toBe('deployed');
  expect([...renewed.tested]).toEqual([submissionOf(next)]);
  expect(await versionOf(next.workflowId)).toBe('new');

  old.letEnd();
  expect((await first.result()).status).toBe('superseded');
  expect([...old.tested]).toEqual([submissionOf(first)]);
  expect(await versionOf(first.workflowId)).toBe('old');
  await eventually(async () =>
    expect(await stateOf('old')).toMatchObject({ state: 'drained', open_runs: 0 }),
  );
  await old.stop();

  const last = await submit();
  expect((await last.result()).status).toBe('deployed');
  expect(await versionOf(orderIdOf(TASK_QUEUE, USER))).toBe('new');
  expect(await versions()).toMatchObject({
    code: 0,
    report: {
      versions: expect.arrayContaining([
        expect.objectContaining({ build_id: 'new', state: 'current' }),
      ]) as object,
    },
  });
}, 400_000);

test.each([
  [['promote', 'unheard-of'], 1, "build ID 'unheard-of' not found"],
  [['demote'], 2, 'Usage:'],
  [['promote', 'a', 'b'], 2, 'Usage:'],
  [['promote', '--closed', 'x'], 2, '--closed must be a whole number'],
])('npm run versions -- %j ends with %d', async (args, code, said) => {
  const { report, ...ended } = await versions(...args);
  expect(ended.code).toBe(code);
  expect((report as { output: string }).output).toContain(said);
});
