import { createHash } from 'node:crypto';
import type { TestDatabases } from '../../../../activities/ports';
import type { Kube } from '../../api/client';
import { attempt, isNotFound, PlatformError } from '../../api/errors';
import { databasePodOf, inDatabasePod } from './pod';
import { POSTGRES_PORT } from '../names';

/** In milliseconds. PostgreSQL may be in a checkpoint, and other test databases may be created first. */
const DEADLINE_MS = 60_000;

/** Test databases, in the PostgreSQL of their user. */
export function createTestDatabases(kube: Kube): TestDatabases {
  return {
    async open(userId, submissionId, { reset }) {
      const name = testDatabaseOf(submissionId);
      const [host, password] = await Promise.all([
        addressOf(kube, userId),
        testDatabase(kube, userId, reset ? 'anew' : 'open', name),
      ]);
      return variables(host, name, password.trim());
    },

    async drop(userId, submissionId) {
      try {
        await testDatabase(kube, userId, 'drop', testDatabaseOf(submissionId));
      } catch (error) {
        // The whole database was deleted, and this one with it.
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

/** The name of the test database and of its role: the same for every attempt, and valid in SQL. */
export function testDatabaseOf(submissionId: string): string {
  return `test_${createHash('sha256').update(submissionId).digest('hex').slice(0, 16)}`;
}

/** The same variables as in production. The host is an IP address, because test pods have no DNS. */
function variables(host: string, name: string, password: string): Record<string, string> {
  return {
    PGHOST: host,
    PGPORT: String(POSTGRES_PORT),
    PGUSER: name,
    PGDATABASE: name,
    PGPASSWORD: password,
    DATABASE_URL: `postgresql://${name}:${password}@${host}:${POSTGRES_PORT}/${name}`,
  };
}

async function addressOf(kube: Kube, userId: string): Promise<string> {
  const { namespace, pod } = databasePodOf(userId);
  const { status } = await attempt(`read Pod/${pod} in ${namespace}`, () =>
    kube.core.readNamespacedPod({ namespace, name: pod }),
  );
  if (status?.podIP) return status.podIP;
  throw new PlatformError('Unavailable', `The database pod ${pod} has no address yet.`);
}

/** @returns the password that the command printed, checked to be complete; empty for `drop` */
async function testDatabase(kube: Kube, userId: string, action: string, name: string): Promise<string> {
  const command = ['/opt/orchestration/test-database.sh', action, name];
  const printed = await inDatabasePod(kube, userId, command, DEADLINE_MS);
  if (action !== 'drop' && !/^[0-9a-f]{64}\n$/.test(printed))
    throw new PlatformError('Unavailable', `The answer of ${command.join(' ')} did not arrive whole.`);
  return printed;
}
