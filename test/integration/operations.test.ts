import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client as Elasticsearch } from '@elastic/elasticsearch';
import { nodeProcess } from '../build';
import type { LiveReport } from '../../workflows/contract';
import { Client } from './client';
import { kubectl, podsOf, programLogs } from './kubectl';
import { sharedPlatform } from './platform';
import { stack } from './stack';

/** Operations of an operator on a user's production, with the command line, on real servers. */

const userId = `ops-${randomBytes(4).toString('hex')}`;
const namespace = `user-${userId}`;
const platform = sharedPlatform();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'operations-'));
});

afterAll(async () => {
  await kubectl('delete', 'namespace', namespace, '--wait=false', '--ignore-not-found');
  await rm(folder, { recursive: true });
});

async function ops<Report = { status: string; message: string; production: LiveReport }>(
  ...args: string[]
): Promise<Report> {
  const { kubeconfig, kubeContext, temporalAddress, elasticsearchHost } = stack();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...nodeProcess('operations/main.ts').args, ...args],
    {
      env: {
        ...process.env,
        TEMPORAL_ADDRESS: temporalAddress,
        TEMPORAL_TASK_QUEUE: platform.taskQueue,
        ELASTICSEARCH_HOST: elasticsearchHost,
        ELASTICSEARCH_INDEX: platform.index,
        KUBECONFIG: kubeconfig,
        KUBE_CONTEXT: kubeContext,
      },
    },
  );
  return JSON.parse(stdout) as Report;
}

async function deployed(code: string): Promise<string> {
  const client = await Client.connect(platform, '?progress=false');
  const final = await client.submit(userId, code);
  await client.close();
  expect(final).toMatchObject({ status: 'deployed' });
  return final.submission_id as string;
}

const sql = (statement: string) =>
  kubectl('exec', '-n', namespace, `${userId}-prod-db-0`, '--', 'psql', '-tAq', 'app', '-c', statement);

const programPods = async () =>
  (await podsOf(namespace)).filter(({ metadata }) => metadata.labels.component === 'program');

test('an operator sees what is live, goes back to what was, stops it, and starts it again', async () => {
  const first = await deployed("print('first')");
  const second = await deployed("print('second')");
  const live = await ops<LiveReport>('live', userId);
  expect(live).toMatchObject({ state: 'completed', live: { submissionId: second }, rollingOut: null });
  expect(Date.now() - Date.parse(live.since!)).toBeLessThan(60_000);

  expect(await ops('rollback', userId, first)).toMatchObject({
    status: 'done',
    production: { live: { submissionId: first } },
  });
  expect(await programLogs(namespace)).toContain('first\n');
  expect(await ops('rollback', userId, first)).toMatchObject({ message: 'It is live already.' });

  expect(await ops('stop', userId)).toMatchObject({
    status: 'done',
    production: { state: 'nothing', live: null },
  });
  expect(await programPods()).toEqual([]);
  expect(await ops('rollback', userId, second)).toMatchObject({
    production: { live: { submissionId: second } },
  });
});

test('only what was in production once can be gone back to', async () => {
  await expect(ops('rollback', userId, 'no-such-submission')).rejects.toMatchObject({
    stderr: expect.stringContaining(`There is no submission no-such-submission of ${userId}`) as string,
  });
  const client = await Client.connect(platform, '?progress=false');
  const { submission_id: failed } = await client.submit(userId, 'raise SystemExit(1)');
  await client.close();
  await expect(ops('rollback', userId, failed as string)).rejects.toMatchObject({
    stderr: expect.stringContaining('its status is tests_failed') as string,
  });
});

test('a backup brings back every row, and leaves none that came later', async () => {
  const appSql = `SET ROLE app; CREATE TABLE kept (n int); INSERT INTO kept SELECT generate_series(1, 200000)`;
  await sql(appSql);
  const file = join(folder, 'dump');
  const backup = await ops<{ bytes: number }>('backup', userId, file);
  expect((await stat(file)).size).toBe(backup.bytes);

  await sql('SET ROLE app; DELETE FROM kept; CREATE TABLE later (n int)');
  await ops('restore', userId, file, '--confirm', userId);
  expect(await sql('SELECT count(*), sum(n) FROM kept')).toBe('200000|20000100000\n');
  expect(await sql("SELECT count(*) FROM pg_tables WHERE tablename = 'later'")).toBe('0\n');
  expect(await sql("SELECT tableowner FROM pg_tables WHERE tablename = 'kept'")).toBe('app\n');
});

test('a dump that is no dump changes nothing', async () => {
  const file = join(folder, 'broken');
  await writeFile(file, (await readFile(join(folder, 'dump'))).subarray(0, 5_000));
  await expect(ops('restore', userId, file, '--confirm', userId)).rejects.toMatchObject({ code: 1 });
  expect(await sql('SELECT count(*) FROM kept')).toBe('200000\n');
});

test('a database of the current PostgreSQL needs no upgrade, and has nothing old to discard', async () => {
  expect(await ops('upgrade-database', userId)).toMatchObject({
    status: 'done',
    message: 'The database is PostgreSQL 17 already.',
  });
  await expect(ops('upgrade-database', userId, '--discard-old')).rejects.toMatchObject({ code: 2 });
  expect(await ops('upgrade-database', userId, '--discard-old', '--confirm', userId)).toMatchObject({
    message: 'There are no data of an older PostgreSQL.',
  });
});

test('the database is deleted only when that was confirmed', async () => {
  await expect(ops('delete', userId, '--confirm', 'someone-else')).rejects.toMatchObject({ code: 2 });
  await expect(ops('delete', userId, '--environment')).rejects.toMatchObject({ code: 2 });

  expect(await ops('delete', userId)).toMatchObject({ production: { live: null } });
  expect(await programPods()).toEqual([]);
  expect(await sql('SELECT count(*) FROM kept')).toBe('200000\n');

  await ops('delete', userId, '--confirm', userId);
  const left = await kubectl(
    'get',
    'all,pvc,secret,configmap',
    '-n',
    namespace,
    '-l',
    'app=prod',
    '-o',
    'name',
  );
  expect(left).toBe('');

  await deployed("print('anew')");
  expect(await sql("SELECT count(*) FROM pg_tables WHERE tablename = 'kept'")).toBe('0\n');
});

test('an environment is deleted with everything in it, and the next submission makes it anew', async () => {
  await ops('delete', userId, '--environment', '--confirm', userId);
  await expect(kubectl('get', 'namespace', namespace)).rejects.toThrow('not found');
  await deployed("print('again')");
});

test('every operation is found among the actions, with who asked for it', async () => {
  const client = new Elasticsearch({ node: stack().elasticsearchHost });
  await client.indices.refresh({ index: platform.index });
  const { hits } = await client.search<{ event: { action: string }; details: { requested_by?: string } }>({
    index: platform.index,
    query: { term: { 'user.id': userId } },
    size: 500,
  });
  await client.close();
  const requested = hits.hits.filter(({ _source }) => _source?.details?.requested_by?.startsWith('ops:'));
  const names = new Set(requested.map(({ _source }) => _source!.event.action));
  for (const name of ['live', 'rollback', 'stop', 'delete_production', 'delete_environment'])
    expect(names).toContain(`${name}.requested`);
  for (const name of ['backup', 'restore']) expect(names).toContain(name);
});
