import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** sandbox/production-pod/database/test-database.sh with this machine's PostgreSQL, if it has one. */
const SCRIPT = join(__dirname, '../../../sandbox/production-pod/database/test-database.sh');
const INSTALLED = '/usr/lib/postgresql';
const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED) : [];
const isPossible = process.getuid?.() === 0 && versions.length === 1;
if (!isPossible) console.warn('The tests of databases for tests are SKIPPED: they need root and PostgreSQL.');

/** PostgreSQL does not run as root. */
const UID = 65_534;
const NAME = 'test_0123456789abcdef';

(isPossible ? describe : describe.skip)('a database for tests', () => {
  const folder = mkdtempSync(join(tmpdir(), 'test-database-'));
  const data = join(folder, 'data');
  const bin = join(INSTALLED, versions[0] ?? '', 'bin');
  const env = {
    PATH: process.env.PATH,
    PGHOST: folder,
    PGUSER: 'owner',
    PASSWORD_FILE: join(folder, 'password'),
    TMPDIR: folder,
  };
  const options = { uid: UID, gid: UID, env, encoding: 'utf8', stdio: 'pipe', cwd: folder } as const;
  const postgres = (program: string, ...args: string[]) => execFileSync(join(bin, program), args, options);
  const testDatabase = async (action: string, name = NAME) =>
    (await promisify(execFile)(SCRIPT, [action, name], options)).stdout.trim();
  const sql = (statement: string, user = 'owner', database = 'postgres') =>
    postgres('psql', '-tAqX', '-v', 'ON_ERROR_STOP=1', '-U', user, '-d', database, '-c', statement).trim();
  const asRole = (statement: string) => sql(statement, NAME, NAME);
  const left = () =>
    sql(
      "SELECT datname FROM pg_database WHERE datname ~ '^test_' UNION SELECT rolname FROM pg_roles WHERE rolname ~ '^test_'",
    );

  beforeAll(() => {
    chmodSync(folder, 0o777);
    writeFileSync(env.PASSWORD_FILE, 'secret');
    postgres('initdb', '--pgdata', data, '--username=owner', '--auth=trust', '--no-sync');
    const settings = `-c listen_addresses= -c unix_socket_directories=${folder} -c fsync=off`;
    postgres('pg_ctl', 'start', '--wait', '--silent', '-D', data, '-o', settings, '-l', join(folder, 'log'));
    sql('CREATE ROLE app LOGIN');
    sql('CREATE DATABASE app OWNER app');
  }, 60_000);

  afterAll(() => {
    postgres('pg_ctl', 'stop', '--silent', '--mode=immediate', '-D', data);
    rmSync(folder, { recursive: true });
  });

  it('is made with a password, opened with the same, and dropped', async () => {
    const password = await testDatabase('anew');
    expect(password).toMatch(/^[0-9a-f]{64}$/);
    expect(await testDatabase('open')).toBe(password);
    await testDatabase('drop');
    expect(left()).toBe('');
  });

  it.each([
    ['comments on it', [`COMMENT ON DATABASE ${NAME} IS 'x'`]],
    ['makes it a template', [`ALTER DATABASE ${NAME} IS_TEMPLATE true`]],
    ['bounds its connections', [`ALTER DATABASE ${NAME} CONNECTION LIMIT 0`]],
    [
      'has settings of its own',
      [`ALTER ROLE ${NAME} SET search_path = x`, `ALTER DATABASE ${NAME} SET jit = on`],
    ],
    ['has another password', [`ALTER ROLE ${NAME} PASSWORD 'x'`]],
    ['has large objects and tables', ['SELECT lo_create(1)', 'CREATE TABLE t (n int)', 'CREATE SCHEMA s']],
    [
      'gives rights away',
      [`GRANT ALL ON DATABASE ${NAME} TO PUBLIC`, `GRANT CREATE ON SCHEMA public TO app`],
    ],
    ['shuts itself out', [`REVOKE CONNECT ON DATABASE ${NAME} FROM PUBLIC, ${NAME}`]],
  ])('whose role %s is dropped, and in the way of no other', async (_, statements) => {
    await testDatabase('anew');
    for (const statement of statements) asRole(statement);
    expect(await testDatabase('anew', 'test_fedcba9876543210')).toMatch(/^[0-9a-f]{64}$/);
    await testDatabase('drop', 'test_fedcba9876543210');
    expect(await testDatabase('open')).toMatch(/^[0-9a-f]{64}$/);
    await testDatabase('drop');
    expect(left()).toBe('');
  });

  it.each([
    `ALTER DATABASE ${NAME} RENAME TO x`,
    `ALTER ROLE ${NAME} RENAME TO x`,
    `ALTER DATABASE ${NAME} OWNER TO app`,
    `ALTER DATABASE ${NAME} ALLOW_CONNECTIONS false`,
    'CREATE DATABASE x',
  ])('keeps its name and its owner: %s is refused', async (statement) => {
    await testDatabase('anew');
    expect(() => asRole(statement)).toThrow(/ERROR/);
    await testDatabase('drop');
    expect(left()).toBe('');
  });

  it('to whose role others gave something is dropped', async () => {
    await testDatabase('anew');
    sql('CREATE TABLE IF NOT EXISTS t (n int)', 'app', 'app');
    sql(`GRANT SELECT ON t TO ${NAME}`, 'app', 'app');
    await testDatabase('drop');
    expect(left()).toBe('');
  });

  it('whose role goes on making it a template is dropped', async () => {
    await testDatabase('anew');
    const loop = `while psql -qX -U ${NAME} -d ${NAME} -c 'ALTER DATABASE ${NAME} IS_TEMPLATE true'; do :; done`;
    const busy = [1, 2].map(() => promisify(execFile)('sh', ['-c', loop], options));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await testDatabase('drop');
    await Promise.all(busy);
    expect(left()).toBe('');
  }, 30_000);

  it('is dropped when it was forgotten, with roles that have none, and the others stay', async () => {
    await testDatabase('anew');
    await testDatabase('anew', 'test_00');
    sql('CREATE ROLE test_01');
    const oid = sql("SELECT oid FROM pg_database WHERE datname = 'test_00'");
    execFileSync('touch', ['-d', '7 hours ago', join(data, 'base', oid, 'PG_VERSION')]);
    await testDatabase('open');
    expect(left()).toBe(NAME);
    await testDatabase('drop');
  });
});
