import { Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Kube } from '../../api/client';
import { PlatformError } from '../../api/errors';
import { runInPod } from '../../api/podCommand';
import { DATABASE_CONTAINER, namesOf } from '../names';

/** The namespace, pod and container of a user's database. */
export function databasePodOf(userId: string) {
  const { namespace, database } = namesOf(userId);
  return { namespace, pod: `${database}-0`, container: DATABASE_CONTAINER };
}

/**
 * Runs a command in the pod of a user's database.
 * @returns its stdout. An exec can lose output and still succeed: the caller must check that it is complete.
 * @throws PlatformError as `runInPod` does, and `Unavailable` when it did not end in time
 */
export async function inDatabasePod(
  kube: Kube,
  userId: string,
  command: string[],
  deadlineMs: number,
): Promise<string> {
  let printed = '';
  const stdout = new Writable({
    write(piece: Buffer, _, done) {
      printed += piece.toString();
      done();
    },
  });
  const over = new AbortController();
  const late = wait(deadlineMs, undefined, { signal: over.signal }).then(() => {
    throw new PlatformError('Unavailable', `${command.join(' ')} did not end within ${deadlineMs / 1000} s.`);
  });
  await Promise.race([runInPod(kube, { ...databasePodOf(userId), command, stdout }), late]).finally(() =>
    over.abort(),
  );
  return printed;
}
