import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { DeployedProgram, Production, Program } from '../../activities/ports';
import { makeNamespace, productionOfWorker } from './boundedNamespace';
import { kubectl, podsOf, programLogs } from './kubectl';

/**
 * The adapter `Production` on a real cluster, with the worker's rights, in a user's limited namespace.
 * Programs that serve, missing images and quotas are tested through the whole platform in deployments.test.ts
 * and failedRollouts.test.ts.
 */

const DEADLINE_MS = 90_000;

const userId = `prod-${randomBytes(4).toString('hex')}`;
const namespace = `user-${userId}`;
let production: Production;

beforeAll(async () => {
  production = productionOfWorker();
  await makeNamespace(userId);
});

afterAll(() => kubectl('delete', 'namespace', namespace, '--wait=false'));

const context = () => ({ signal: new AbortController().signal, heartbeat: jest.fn() });

function provenanceOf(program: Program) {
  const submissionId = randomUUID();
  const codeDigest = createHash('sha256').update(JSON.stringify(program)).digest('hex');
  return { userId, submissionId, workflowId: `submission-${submissionId}`, runId: randomUUID(), codeDigest };
}

const python = (code: string, files: Record<string, string> = {}): Program => ({
  language: 'python',
  files: { ...files, 'main.py': code },
  entrypoint: 'main.py',
  requirements: [],
});

/** Applies database and program, as the workflow does. */
async function applied(code: string | Program, through: Production = production) {
  const program = typeof code === 'string' ? python(code) : code;
  const provenance = provenanceOf(program);
  await through.applyDatabase(provenance, context());
  return through.applyProgram({ provenance, program }, context());
}

const rollout = (program: DeployedProgram, deadlineMs = DEADLINE_MS) =>
  production.awaitRollout({ userId, program, deadlineMs }, context());

/** Deploys a program that is expected to become live. */
async function deployed(code: string | Program): Promise<DeployedProgram> {
  const { program } = await applied(code);
  expect(await rollout(program)).toEqual({
    outcome: 'live',
    reason: null,
    message: null,
    events: [],
    logs: '',
  });
  return program;
}

const rollBack = (failed: DeployedProgram, previous: DeployedProgram | null) =>
  production.rollBack({ userId, failed, previous, deadlineMs: DEADLINE_MS }, context());

const programPods = async () =>
  (await podsOf(namespace)).filter(({ metadata }) => metadata.labels.component === 'program');

const logs = () => programLogs(namespace);

test('a failing first program is taken away, and the database stays', async () => {
  const { program, previous } = await applied('print("oh no")\nraise SystemExit(3)');
  expect(previous).toBeNull();
  const report = await rollout(program);
  expect(report).toMatchObject({ outcome: 'failed', reason: 'crash_loop' });
  expect(report.message).toContain('exit code 3');
  expect(report.logs).toContain('oh no');
  expect(report.events.length).toBeGreaterThan(0);
  expect(await rollBack(program, previous)).toEqual({ live: null });
  expect(await programPods()).toEqual([]);
  expect(await rollBack(program, previous)).toEqual({ live: null });
  expect((await podsOf(namespace)).map(({ metadata }) => metadata.name)).toEqual([`${userId}-prod-db-0`]);
});

test('a program that completes is live, stays up and is not restarted', async () => {
  await deployed("print('Hello')");
  const [pod, ...others] = await programPods();
  expect(others).toEqual([]);
  expect(pod).toMatchObject({
    metadata: { labels: { app: 'prod' } },
    status: { phase: 'Running', containerStatuses: [{ ready: true, restartCount: 0 }] },
  });
  expect(await logs()).toContain('Hello\n');
});

test('a program with folders finds its modules, and one of another language is run by it', async () => {
  await deployed(
    python('import lib.my_words; print(lib.my_words.all)', { 'lib/my_words.py': "all = 'found'" }),
  );
  expect(await logs()).toContain('found\n');
  const javascript = "console.log(require('./lib/words.js').all)";
  await deployed({
    language: 'javascript',
    files: { 'main.js': javascript, 'lib/words.js': "exports.all = 'trouvé'" },
    entrypoint: 'main.js',
    requirements: [],
  });
  expect(await logs()).toContain('trouvé\n');
});

test('applying the same submission again gives the same answer', async () => {
  const first = await applied('print(1)');
  await rollout(first.program);
  const provenance = { ...first.program, userId };
  const again = await production.applyProgram({ provenance, program: python('print(1)') }, context());
  expect(again).toEqual(first);
  expect(await rollout(first.program)).toMatchObject({ outcome: 'live' });
});

test('a failing program is rolled back to what was live, whose pod never stopped', async () => {
  const good = await deployed("print('good')");
  const [before] = await programPods();
  const { program, previous } = await applied('raise SystemExit(1)');
  expect(previous).toEqual(good);
  expect(await rollout(program)).toMatchObject({ outcome: 'failed', reason: 'crash_loop' });
  expect(await rollBack(program, previous)).toEqual({ live: good });
  expect((await programPods()).map(({ metadata }) => metadata.uid)).toEqual([before?.metadata.uid]);
});

test('a program that was never live is not what one goes back to', async () => {
  const good = await deployed("print('last good')");
  await applied('raise SystemExit(1)');
  const { program, previous } = await applied('raise SystemExit(2)');
  expect(previous).toEqual(good);
  await rollout(program);
  expect(await rollBack(program, previous)).toEqual({ live: good });
});

test('an older rollout ends as superseded, and its rollback leaves the newer program alone', async () => {
  const good = await deployed("print('before both')");
  const older = await applied('import time; time.sleep(600)');
  const ending = rollout(older.program);
  const newer = await applied("print('newer')");
  const report = await ending;
  expect(report).toMatchObject({ outcome: 'superseded' });
  expect(report.message).toContain(newer.program.submissionId);
  expect(await rollBack(older.program, good)).toEqual({ live: good });
  expect(await rollout(newer.program)).toMatchObject({ outcome: 'live' });
});

test('rows outlive deploys, and nothing of the database is restarted', async () => {
  const visit = (n: number) => `
import os, psycopg2
connection = psycopg2.connect(os.environ["DATABASE_URL"])
with connection, connection.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS visits (n int)")
    cursor.execute("INSERT INTO visits VALUES (${n})")
    cursor.execute("SELECT array_agg(n ORDER BY n) FROM visits")
    print("visits", cursor.fetchone()[0])
`;
  await deployed(visit(1));
  expect(await logs()).toContain('visits [1]');
  await deployed(visit(2));
  expect(await logs()).toContain('visits [1, 2]');
  const pods = await podsOf(namespace);
  for (const { status } of pods)
    expect(status.containerStatuses).toEqual([expect.objectContaining({ ready: true, restartCount: 0 })]);
});

test('a wait ends at once when it is cancelled', async () => {
  const { program, previous } = await applied('import time; time.sleep(600)');
  const cancellation = new AbortController();
  const waiting = production.awaitRollout(
    { userId, program, deadlineMs: DEADLINE_MS },
    { signal: cancellation.signal, heartbeat: () => cancellation.abort(new Error('cancelled')) },
  );
  await expect(waiting).rejects.toThrow('cancelled');
  await rollBack(program, previous);
});
