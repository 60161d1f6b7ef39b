import { randomBytes } from 'node:crypto';
import type { Production } from '../../activities/ports';
import { makeNamespace, productionOfWorker } from './boundedNamespace';
import { kubectl, podsOf } from './kubectl';

/** A user's database on a real cluster: what happens to it and to its data when something fails. */

const userId = `db-${randomBytes(4).toString('hex')}`;
const namespace = `user-${userId}`;
const pod = `${userId}-prod-db-0`;
let production: Production;

beforeAll(async () => {
  production = productionOfWorker();
  await makeNamespace(userId);
});

afterAll(() => kubectl('delete', 'namespace', namespace, '--wait=false'));

const applied = () =>
  production.applyDatabase(
    { userId, submissionId: 's', workflowId: 'w', runId: 'r', codeDigest: 'd' },
    { signal: new AbortController().signal, heartbeat: jest.fn() },
  );

const inPod = (...command: string[]) => kubectl('exec', '-n', namespace, pod, '--', ...command);

/** Runs SQL as an operator: as superuser, over the socket in the pod. */
const sql = (statement: string) =>
  inPod('psql', '--quiet', '--tuples-only', '--no-align', 'app', '-c', statement);

/** Runs SQL as the program: over the network, with a password. */
const sqlOfProgram = (statement: string) =>
  inPod(
    'bash',
    '-c',
    `PGPASSWORD=$(cat /run/secrets/database/password) psql -h "$(hostname -i)" -U app -tAq app -c "$1"`,
    'bash',
    statement,
  );

const uidOfPod = async () => (await podsOf(namespace)).map(({ metadata }) => metadata.uid).join();

test('it is made once, and a repeat finds it', async () => {
  expect(await applied()).toEqual({ name: `${userId}-prod-db`, created: true });
  const uid = await uidOfPod();
  expect(await applied()).toEqual({ name: `${userId}-prod-db`, created: false });
  expect(await uidOfPod()).toBe(uid);
});

test("the program's role owns its database and is no superuser", async () => {
  await sqlOfProgram('CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
  expect(await sql('SELECT n FROM kept')).toBe('7\n');
  expect(await sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'app'")).toBe('f\n');
  await expect(sqlOfProgram('CREATE ROLE another')).rejects.toThrow('permission denied');
});

test('its rows are there after its pod was killed', async () => {
  await kubectl('delete', 'pod', pod, '-n', namespace, '--grace-period=0', '--force');
  await kubectl('wait', '--for=create', `pod/${pod}`, '-n', namespace, '--timeout=60s');
  await kubectl('wait', '--for=condition=Ready', `pod/${pod}`, '-n', namespace, '--timeout=60s');
  expect(await applied()).toMatchObject({ created: false });
  expect(await sql('SELECT n FROM kept')).toBe('7\n');
});

test('a lost password is replaced by a new one, and the rows stay', async () => {
  const uid = await uidOfPod();
  await kubectl('delete', 'secret', `${userId}-prod-db`, '-n', namespace);
  expect(await applied()).toMatchObject({ created: false });
  expect(await uidOfPod()).not.toBe(uid);
  expect(await sqlOfProgram('SELECT n FROM kept')).toBe('7\n');
});

test('data of another major version are left alone, and the failure says what to do', async () => {
  await inPod('bash', '-c', 'echo 9 > $DATA_VOLUME/pgdata/PG_VERSION');
  await kubectl('delete', 'pod', pod, '-n', namespace);
  await expect(applied()).rejects.toMatchObject({
    name: 'Rejected',
    message: expect.stringContaining('the volume holds data of PostgreSQL 9') as string,
  });
});
