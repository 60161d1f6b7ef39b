import { Client as Temporal, Connection } from '@temporalio/client';
import { Client } from './client';
import { actionsOf } from './actions';
import { eventually } from './eventually';
import { kubectl, namesOf, podsOf } from './kubectl';
import { sharedPlatform } from './platform';
import { stack } from './stack';

/**
 * What the platform promises to all clients: the two messages, and all their observable effects. Only this
 * file uses the user `test` of the contract.
 */

const platform = sharedPlatform();

test('the two messages of the contract get the two answers, each as one frame', async () => {
  // Pods of an earlier start of the stack have one restart because of it: there must be no further ones.
  const restartsBefore = restartsOf(await podsOf('user-test'));
  const client = await Client.connect(platform, '?progress=false');
  const bad = await client.submit('test', "print('broken'");
  expect(client.frames).toHaveLength(1);
  expect(bad).toMatchObject({ status: 'tests_failed', namespace: 'user-test', reason: 'syntax_error' });

  const good = await client.submit('test', "print('Hello')");
  expect(client.frames).toHaveLength(1);
  expect(good).toMatchObject({ status: 'deployed', namespace: 'user-test' });
  await client.close();

  // A pod that has started is used before Kubernetes counts it as ready.
  await eventually(async () => {
    const pods = await podsOf('user-test');
    expect(namesOf(pods)).toEqual(['test-prod-*', 'test-prod-db-0', 'test-test']);
    for (const { metadata, status } of pods)
      expect({ pod: metadata.name, ...status }).toMatchObject({
        phase: 'Running',
        containerStatuses: [{ ready: true, restartCount: restartsBefore.get(metadata.uid) ?? 0 }],
      });
  });
  expect(await kubectl('logs', 'test-test', '-n', 'user-test')).toMatch(/Hello/);
  await expectProductionLogs(/^Hello$/m);
});

/**
 * The command of the contract also selects pods of a replaced program, whose logs may be deleted meanwhile.
 */
const expectProductionLogs = (pattern: RegExp) =>
  eventually(async () => expect(await kubectl('logs', '-l', 'app=prod', '-n', 'user-test')).toMatch(pattern));

const restartsOf = (pods: Awaited<ReturnType<typeof podsOf>>) =>
  new Map(
    pods.map(({ metadata, status }) => [metadata.uid, status.containerStatuses?.[0]?.restartCount ?? 0]),
  );

test('progress frames come before the answer, have a type and no status, and name their submission', async () => {
  const client = await Client.connect(platform);
  const final = await client.submit('test', "print('Hello')");
  await client.close();

  expect(final).toMatchObject({ status: 'deployed', namespace: 'user-test' });
  expect(final).not.toHaveProperty('type');
  const progress = client.frames.slice(0, -1);
  expect(progress.length).toBeGreaterThan(5);
  for (const frame of progress) {
    expect(frame).toHaveProperty('type');
    expect(frame).not.toHaveProperty('status');
    expect(frame.submission_id).toBe(final.submission_id);
  }
  expect(progress[0]).toMatchObject({ type: 'accepted', namespace: 'user-test' });
  expect(progress).toContainEqual(
    expect.objectContaining({ type: 'output', stream: 'stdout', text: 'Hello\n' }),
  );
  const stages = progress
    .filter(({ type }) => type === 'stage')
    .map(({ stage, state }) => `${String(stage)} ${String(state)}`);
  const applied = stages.splice(4, 4);
  expect(stages).toEqual([
    'run_tests started',
    'run_tests completed',
    'await_turn started',
    'await_turn completed',
    'await_rollout started',
    'await_rollout completed',
  ]);
  // Database and program are applied at the same time.
  expect(applied.slice(0, 2)).toEqual(['apply_database started', 'apply_program started']);
  expect(applied.slice(2).sort()).toEqual(['apply_database completed', 'apply_program completed']);
});

test('every action of a submission is found in Elasticsearch by its id, in order', async () => {
  const client = await Client.connect(platform, '?progress=false');
  const { submission_id: id, workflow_id: workflowId } = await client.submit('test', "print('Hello')");
  await client.close();

  const actions = await actionsOf(platform, id as string);
  const named = actions.map(({ event }) => `${event.action} ${event.outcome}`);
  const applied = named.splice(3, 2);
  expect(named).toEqual([
    'submission.accepted success',
    'stage.run_tests success',
    'stage.await_turn success',
    'stage.await_rollout success',
    'submission.finished success',
  ]);
  expect(applied.sort()).toEqual(['stage.apply_database success', 'stage.apply_program success']);
  for (const action of actions) {
    expect(action).toMatchObject({ user: { id: 'test' }, temporal: { workflow_id: workflowId } });
    expect(action.event.duration).toBeGreaterThanOrEqual(0);
  }
});

test('a run is found in Temporal by its user, its status and the digest of its code', async () => {
  const client = await Client.connect(platform, '?progress=false');
  const final = await client.submit('test', "raise ValueError('no')");
  await client.close();

  const connection = await Connection.connect({ address: stack().temporalAddress });
  const temporal = new Temporal({ connection });
  const workflowId = final.workflow_id as string;
  await temporal.workflow.getHandle(workflowId).result();
  const { type, searchAttributes } = await temporal.workflow.getHandle(workflowId).describe();
  expect(type).toBe('submitCode');
  expect(searchAttributes).toMatchObject({
    UserId: ['test'],
    SubmissionStatus: ['tests_failed'],
    CodeDigest: [expect.stringMatching(/^[0-9a-f]{64}$/)],
  });
  await connection.close();
});

test('a row that a program wrote is there after the next deploy', async () => {
  const client = await Client.connect(platform, '?progress=false');
  const table = `visits_${Date.now()}`;
  const visit = (n: number) => `
import os
url = os.environ.get('DATABASE_URL')
if url:
    import psycopg2
    with psycopg2.connect(url) as db, db.cursor() as cursor:
        cursor.execute('create table if not exists ${table} (n int)')
        cursor.execute('insert into ${table} values (${n})')
        cursor.execute('select array_agg(n order by n) from ${table}')
        print('visits', cursor.fetchone()[0])
`;
  expect(await client.submit('test', visit(1))).toMatchObject({ status: 'deployed' });
  expect(await client.submit('test', visit(2))).toMatchObject({ status: 'deployed' });
  await client.close();
  await expectProductionLogs(/visits \[1, 2\]/);
});
