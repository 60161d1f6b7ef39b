import { randomBytes } from 'node:crypto';
import type { Production } from '../../activities/ports';
import {
  MAJOR_ANNOTATION,
  UPGRADED_FROM_ANNOTATION,
} from '../../infrastructure/kubernetes/production/database/postgresql';
import { makeNamespace, productionOfWorker } from '../integration/boundedNamespace';
import { kubectl } from '../integration/kubectl';
import { stack } from '../integration/stack';

/** Databases of an older PostgreSQL on a real cluster: they keep it until they are upgraded with all rows. */

const users: string[] = [];
let production: Production;

beforeAll(() => (production = productionOfWorker()));

afterAll(async () => {
  for (const userId of users) await kubectl('delete', 'namespace', `user-${userId}`, '--wait=false');
});

const context = { signal: new AbortController().signal, heartbeat: jest.fn() };

const applied = (userId: string, by = production) =>
  by.applyDatabase({ userId, submissionId: 's', workflowId: 'w', runId: 'r', codeDigest: 'd' }, context);

/** A database as an earlier release created it: its StatefulSet does not record the version of its data. */
async function older(): Promise<string> {
  const userId = `old-${randomBytes(4).toString('hex')}`;
  users.push(userId);
  await makeNamespace(userId);
  const { database15 } = stack().images;
  await applied(userId, productionOfWorker({ databaseImage: database15 }));
  await annotate(userId, `${MAJOR_ANNOTATION}-`);
  return userId;
}

const annotate = (userId: string, ...annotations: string[]) =>
  kubectl(
    'annotate',
    'statefulset',
    `${userId}-prod-db`,
    '-n',
    `user-${userId}`,
    '--overwrite',
    ...annotations,
  );

async function annotationOf(userId: string, name: string): Promise<string | undefined> {
  const object = await kubectl(
    'get',
    'statefulset',
    `${userId}-prod-db`,
    '-n',
    `user-${userId}`,
    '-o',
    'json',
  );
  const { metadata } = JSON.parse(object) as { metadata: { annotations: Record<string, string> } };
  return metadata.annotations[name];
}

const inPod = (userId: string, ...command: string[]) =>
  kubectl('exec', '-n', `user-${userId}`, `${userId}-prod-db-0`, '--', ...command);

/** Runs SQL as the program: over the network, with a password. */
const sql = (userId: string, statement: string) =>
  inPod(
    userId,
    'bash',
    '-c',
    `PGPASSWORD=$(cat /run/secrets/database/password) psql -h 127.0.0.1 -U app -tAq app -c "$1"`,
    'bash',
    statement,
  );

const majorOf = async (userId: string) => (await sql(userId, 'SHOW server_version')).split('.')[0];

test('an older database survives a new release, and an upgrade, with all that the program has in it', async () => {
  const userId = await older();
  await sql(
    userId,
    'CREATE TABLE kept (n int PRIMARY KEY); INSERT INTO kept SELECT generate_series(1, 1000)',
  );
  await sql(userId, 'CREATE SCHEMA more; CREATE TABLE more.kept (a serial, b jsonb)');
  await sql(userId, `INSERT INTO more.kept (b) VALUES ('{"c": [1]}')`);
  await sql(userId, "ALTER DATABASE app SET timezone TO 'Asia/Tokyo'; ALTER ROLE app SET work_mem TO '5MB'");

  expect(await applied(userId)).toMatchObject({ created: false });
  expect(await majorOf(userId)).toBe('15');
  expect(await annotationOf(userId, MAJOR_ANNOTATION)).toBe('15');

  const report = { from: '15', to: '17', tables: 2, rows: 1001 };
  expect(await production.upgradeDatabase(userId, context)).toEqual(report);
  expect(await majorOf(userId)).toBe('17');
  expect(await sql(userId, 'SELECT count(*), sum(n) FROM kept')).toBe('1000|500500\n');
  expect(await sql(userId, 'SELECT b FROM more.kept; SHOW timezone; SHOW work_mem')).toBe(
    '{"c": [1]}\nAsia/Tokyo\n5MB\n',
  );
  expect(await sql(userId, 'INSERT INTO more.kept (b) VALUES (NULL) RETURNING a')).toBe('2\n');

  // A second upgrade reports the same; a deploy and a restart keep the new version.
  expect(await production.upgradeDatabase(userId, context)).toEqual(report);
  expect(await annotationOf(userId, UPGRADED_FROM_ANNOTATION)).toBe('15');
  await kubectl('delete', 'pod', `${userId}-prod-db-0`, '-n', `user-${userId}`);
  expect(await applied(userId)).toMatchObject({ created: false });
  expect(await sql(userId, 'SELECT count(*) FROM more.kept')).toBe('2\n');

  expect(await production.discardOldData(userId)).toEqual(['15']);
  expect(await production.discardOldData(userId)).toEqual([]);
  expect(await sql(userId, 'SELECT count(*) FROM kept')).toBe('1000\n');
});

test('an upgrade that was interrupted after its dump is completed by the next', async () => {
  const userId = await older();
  await sql(userId, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
  await inPod(userId, '/opt/orchestration/upgrade.sh', 'dump', '17');
  await expect(sql(userId, 'SELECT 1')).rejects.toThrow('not permitted to log in');
  expect(await production.upgradeDatabase(userId, context)).toMatchObject({ from: '15', rows: 1 });
  expect(await sql(userId, 'SELECT n FROM kept')).toBe('7\n');
});

test('where the new version cannot take the data, the old one runs again, open to the program', async () => {
  const userId = await older();
  await sql(userId, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
  // PostgreSQL 17 does not have this column.
  await sql(userId, 'CREATE VIEW checks AS SELECT buffers_backend FROM pg_stat_bgwriter');
  await expect(production.upgradeDatabase(userId, context)).rejects.toMatchObject({
    name: 'Rejected',
    message: expect.stringMatching(
      /^PostgreSQL 15 runs again with all rows[^]*buffers_backend does not exist/,
    ) as string,
  });
  expect(await majorOf(userId)).toBe('15');
  expect(await sql(userId, 'INSERT INTO kept VALUES (8); SELECT n FROM kept')).toBe('7\n8\n');
  expect(await annotationOf(userId, MAJOR_ANNOTATION)).toBe('15');

  await sql(userId, 'DROP VIEW checks');
  expect(await production.upgradeDatabase(userId, context)).toMatchObject({ from: '15', rows: 2 });
});

test('the way back: an operator names the old version, and what was written since is gone', async () => {
  const userId = await older();
  await sql(userId, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
  await production.upgradeDatabase(userId, context);
  await sql(userId, 'INSERT INTO kept VALUES (8)');
  await annotate(userId, `${MAJOR_ANNOTATION}=15`);
  await applied(userId);
  expect(await sql(userId, 'SELECT n FROM kept')).toBe('7\n');
  expect(await majorOf(userId)).toBe('15');
  expect(await production.upgradeDatabase(userId, context)).toMatchObject({ from: '15', rows: 1 });
});

test('a user without a database has nothing to upgrade', async () => {
  await expect(production.upgradeDatabase('nobody-at-all', context)).rejects.toMatchObject({
    name: 'Rejected',
    message: 'nobody-at-all has no database.',
  });
});
