import { Client as Temporal, Connection } from '@temporalio/client';
import { connectKubernetes } from '../../infrastructure/kubernetes/api/client';
import { sweepIdle } from '../../infrastructure/kubernetes/idle';
import { inspectProduction } from '../../infrastructure/kubernetes/production/inspect';
import { usedSince } from '../../infrastructure/temporal/usage';
import { answerOf, expectNothingElse, server, submit, Users } from './deployed';
import { kubectl } from './kubectl';
import { sharedPlatform } from './platform';
import { stack } from './stack';

/** Idle pods are scaled to zero with the worker's rights, and the next submission starts them again. */

const users = new Users('idle');
const platform = sharedPlatform();
let connection: Connection;

beforeAll(async () => {
  connection = await Connection.connect({ address: stack().temporalAddress });
});

afterAll(async () => {
  await connection?.close();
  await users.remove();
});

const kubeOfWorker = () =>
  connectKubernetes({ kubeconfig: stack().workerKubeconfig, context: stack().kubeContext });

/** Only this user's pods: other tests may run on the same cluster. */
const swept = (user: string, idleMs: number) => {
  const client = new Temporal({ connection });
  return sweepIdle(kubeOfWorker(), {
    testPodMs: idleMs,
    completedProgramMs: idleMs,
    usedSince: (userId, since) => usedSince(client, userId, since),
    selector: `orchestration-app/user=${user}`,
  });
};

test('a test pod and a completed program that nobody uses go, and the next submission brings both back', async () => {
  const user = users.another();
  const namespace = `user-${user}`;
  const done = await submit(platform, user, "print('done')");
  expect(done).toMatchObject({ status: 'deployed' });
  expect(await swept(user, 60_000)).toEqual([]);

  // The time since the submission ended; Temporal's index is updated with a delay.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await swept(user, 1_000)).toEqual([`Pod/${user}-test`, `Deployment/${user}-prod`]);
  for (const selector of ['app=test', 'component=program'])
    await kubectl('wait', '--for=delete', 'pod', '-l', selector, '-n', namespace, '--timeout=60s');
  expect(await inspectProduction(kubeOfWorker(), user)).toMatchObject({
    state: 'asleep',
    live: { submissionId: done.submission_id },
  });
  expect(await swept(user, 1_000)).toEqual([]);

  expect(await submit(platform, user, server('awake'))).toMatchObject({ status: 'deployed' });
  expect(await answerOf(user)).toBe('awake');
  await expectNothingElse(user);
});

test('a program that serves stays, however idle it is', async () => {
  const user = users.another();
  await submit(platform, user, server('stays'));
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await swept(user, 1_000)).toEqual([`Pod/${user}-test`]);
  expect(await answerOf(user)).toBe('stays');
});
