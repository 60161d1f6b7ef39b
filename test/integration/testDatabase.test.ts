import { randomUUID } from 'node:crypto';
import { Client, type Frame } from './client';
import { rowsOf, server, submit, Users } from './deployed';
import { kubectl } from './kubectl';
import { startPlatform, type Platform } from './platform';

/** Tests with a test database, from the frame to the verdict: it is deleted, and production has another. */

const users = new Users('tdb');
const user = users.another();
let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(async () => {
  await platform?.stop();
  await users.remove();
});

const IN_PRODUCTION = 'os.environ["PGDATABASE"] == "app"';

async function started(code: string) {
  const client = await Client.connect(platform);
  const submission_id = randomUUID();
  client.send({ user_id: user, code, submission_id, test_database: true });
  const final = async (): Promise<Frame> => {
    const frame = await client.frame((each) => 'status' in each || each.type === 'error');
    await client.close();
    return frame;
  };
  return { client, submission_id, final };
}

const submitted = async (code: string) => (await started(code)).final();

const sql = async (statement: string) =>
  (
    await kubectl(
      'exec',
      '-n',
      `user-${user}`,
      `${user}-prod-db-0`,
      '--',
      'psql',
      '-tAq',
      'app',
      '-c',
      statement,
    )
  ).trim();

/** The test databases and roles that exist. */
const leftOf = () =>
  sql(
    "SELECT datname FROM pg_database WHERE datname ~ '^test_' UNION SELECT rolname FROM pg_roles WHERE rolname ~ '^test_'",
  );

test('the first submission of a user writes to an empty database, and production has another', async () => {
  const final = await submitted(server('mine'));
  expect(final).toMatchObject({ status: 'deployed' });
  expect(Object.keys(final.durations_ms as object)).toEqual(
    expect.arrayContaining(['prepare_test_database', 'drop_test_database']),
  );
  expect(await rowsOf(user)).toEqual(['mine']);
  expect(await sql('SELECT count(*) FROM answers')).toBe('1');
  expect(await leftOf()).toBe('');

  const failing = `
import os, psycopg2
with psycopg2.connect(os.environ["DATABASE_URL"]) as db, db.cursor() as cursor:
    cursor.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'answers'")
    print("tables", cursor.fetchone()[0])
    cursor.execute("CREATE TABLE answers (n int)")
raise SystemExit(5)
`;
  expect(await submitted(failing)).toMatchObject({
    status: 'tests_failed',
    exit_code: 5,
    stdout: 'tables 0\n',
  });
  expect(await rowsOf(user)).toEqual(['mine']);
  expect(await leftOf()).toBe('');
});

test('tests get into no database but their own, and make no roles', async () => {
  await submit(platform, user, server('secret'));
  const intruder = `
import os, psycopg2
if ${IN_PRODUCTION}: raise SystemExit(0)
for name in ["app", "postgres", "template1"]:
    try:
        psycopg2.connect(dbname=name)
        print("in", name)
    except psycopg2.OperationalError as error:
        print("out of", name)
db = psycopg2.connect(os.environ["DATABASE_URL"])
db.autocommit = True
for statement in ["CREATE ROLE another", "SET ROLE app", "COPY (SELECT 1) TO PROGRAM 'id'", "CREATE DATABASE another"]:
    try:
        db.cursor().execute(statement)
        print("did", statement)
    except psycopg2.Error as error:
        print("refused")
`;
  const { stdout } = await submitted(intruder);
  expect(stdout).toBe('out of app\nout of postgres\nout of template1\nrefused\nrefused\nrefused\nrefused\n');
  expect(await leftOf()).toBe('');
});

test('it goes whatever its role has done to it, and the next one is as ever', async () => {
  const changing = `
import os, psycopg2
if ${IN_PRODUCTION}: raise SystemExit(0)
db = psycopg2.connect(os.environ["DATABASE_URL"])
db.autocommit = True
own = os.environ["PGDATABASE"]
for statement in [f"COMMENT ON DATABASE {own} IS 'x'", f"ALTER DATABASE {own} IS_TEMPLATE true", f"ALTER DATABASE {own} CONNECTION LIMIT 0"]:
    db.cursor().execute(statement)
print("changed")
raise SystemExit(5)
`;
  expect(await submitted(changing)).toMatchObject({ exit_code: 5, stdout: 'changed\n' });
  expect(await leftOf()).toBe('');
  expect(await submitted(changing)).toMatchObject({ exit_code: 5, stdout: 'changed\n' });
  expect(await leftOf()).toBe('');
});

/** Prints that it has started, and works in the database for a while. */
const slow = `
import os, time, psycopg2
if ${IN_PRODUCTION}: raise SystemExit(0)
db = psycopg2.connect(os.environ["DATABASE_URL"])
db.autocommit = True
db.cursor().execute("CREATE TABLE once (n int)")
print("begun", flush=True)
time.sleep(5)
again = psycopg2.connect(os.environ["DATABASE_URL"])
again.cursor().execute("SELECT * FROM once")
`;

test('it outlives a worker that dies in the middle of the tests, and goes after them', async () => {
  const { client, final } = await started(slow);
  await client.frame(({ type, text }) => type === 'output' && String(text).includes('begun'));
  expect(await leftOf()).toMatch(/^test_[0-9a-f]{16}$/);
  await platform.worker.stop('SIGKILL');
  await platform.startWorker();
  expect(await final()).toMatchObject({ status: 'deployed' });
  expect(await leftOf()).toBe('');
});

test('it goes when the submission is cancelled', async () => {
  const { client, submission_id, final } = await started(slow);
  await client.frame(({ type, text }) => type === 'output' && String(text).includes('begun'));
  client.send({ type: 'cancel', submission_id });
  expect(await final()).toMatchObject({ status: 'cancelled' });
  expect(await leftOf()).toBe('');
});
