import { randomBytes } from 'node:crypto';
import type { Production } from '../../activities/ports';
import { shimOf } from '../chaos/faults/shims';
import { makeNamespace, productionOfWorker } from '../integration/boundedNamespace';
import { eventually } from '../integration/eventually';
import { kubectl, podsOf } from '../integration/kubectl';

/**
 * A database whose pod loses its shim: containerd leaves its processes running, and Kubernetes starts new ones on the same
 * volume.
 */

const userId = `shim-${randomBytes(4).toString('hex')}`;
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

const sql = (statement: string) =>
  kubectl('exec', '-n', namespace, pod, '--', 'psql', '-qtA', 'app', '-c', statement);

test('the new server waits until the old one has ended, and has all rows', async () => {
  await applied();
  await sql('CREATE TABLE kept (n int); INSERT INTO kept SELECT generate_series(1, 1000)');
  const [database] = await podsOf(namespace);

  const shim = shimOf(database!.metadata.uid);
  expect(shim).toBeDefined();
  process.kill(shim!.pid, 'SIGKILL');

  await eventually(async () => {
    expect(await kubectl('logs', pod, '-n', namespace)).toContain(
      'another PostgreSQL still runs on this volume. It ends itself within a minute.',
    );
  });
  expect(await kubectl('logs', pod, '-n', namespace)).not.toContain('starting PostgreSQL');

  await kubectl('wait', '--for=condition=Ready', `pod/${pod}`, '-n', namespace, '--timeout=150s');
  expect(await sql('SELECT count(*), sum(n) FROM kept')).toBe('1000|500500\n');
  expect(await applied()).toMatchObject({ created: false });
  // A third start, without another server, does not wait.
  await kubectl('delete', 'pod', pod, '-n', namespace);
  expect(await applied()).toMatchObject({ created: false });
  expect(await sql('SELECT count(*) FROM kept')).toBe('1000\n');
}, 300_000);
