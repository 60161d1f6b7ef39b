import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Production, Program } from '../../activities/ports';
import { makeNamespace, productionOfWorker } from './boundedNamespace';
import { kubectl, podsOf } from './kubectl';

/** Migrations on a real cluster, with the worker's rights. */

const userId = `mig-${randomBytes(4).toString('hex')}`;
const namespace = `user-${userId}`;
let production: Production;

beforeAll(async () => {
  production = productionOfWorker();
  await makeNamespace(userId);
  await production.applyDatabase(requestOf(withMigration('')).provenance, context());
});

afterAll(() => kubectl('delete', 'namespace', namespace, '--wait=false'));

const context = () => ({ signal: new AbortController().signal, heartbeat: jest.fn() });

const withMigration = (code: string): Program => ({
  language: 'python',
  files: { 'main.py': 'print()', 'db/migrate.py': code },
  entrypoint: 'main.py',
  requirements: [],
  migrate: 'db/migrate.py',
});

function requestOf(program: Program) {
  const submissionId = randomUUID();
  const codeDigest = createHash('sha256').update(JSON.stringify(program)).digest('hex');
  const provenance = {
    ...{ userId, submissionId, codeDigest },
    workflowId: `submission-${submissionId}`,
    runId: randomUUID(),
  };
  return { provenance, program };
}

const migrationPods = async () =>
  (await podsOf(namespace)).filter(({ metadata }) => metadata.labels.component === 'migration');

const sql = (statement: string) =>
  kubectl('exec', '-n', namespace, `${userId}-prod-db-0`, '--', 'psql', '-tAq', 'app', '-c', statement);

test('it is run once with the database, however often it is asked for, and leaves nothing', async () => {
  const request = requestOf(
    withMigration(`
import os, psycopg2
with psycopg2.connect(os.environ["DATABASE_URL"]) as db, db.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS migrations (n int)")
    cursor.execute("INSERT INTO migrations VALUES (1)")
print("migrated")
`),
  );
  const report = await production.migrate(request, context());
  expect(report).toMatchObject({ outcome: 'passed', exitCode: 0, message: null, live: null });
  expect(report.logs).toContain('migrated\n');
  expect(await production.migrate(request, context())).toMatchObject({ outcome: 'passed' });
  expect(await sql('SELECT count(*) FROM migrations')).toBe('1\n');

  await production.removeMigration(userId, request.provenance.submissionId);
  expect(await migrationPods()).toEqual([]);
});

test('one that fails says so, with what it printed', async () => {
  const request = requestOf(withMigration('print("no such column")\nraise SystemExit(4)'));
  const report = await production.migrate(request, context());
  expect(report).toMatchObject({
    outcome: 'failed',
    exitCode: 4,
    message: 'It ended with exit code 4.',
  });
  expect(report.logs).toContain('no such column');
  await production.removeMigration(userId, request.provenance.submissionId);
});

test('a file that is not there is rejected before anything runs', async () => {
  const request = requestOf({ ...withMigration(''), migrate: 'missing.py' });
  await expect(production.migrate(request, context())).rejects.toMatchObject({
    name: 'Rejected',
    message: expect.stringContaining('The migration missing.py is not among the files') as string,
  });
});
