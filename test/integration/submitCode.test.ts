import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import type { LogDocument, CallContext, RunRequest, TestRunner } from '../../activities/ports';
import {
  crashed,
  deployedBefore,
  live,
  migrated,
  pass,
  platformError,
  unavailableWhenCancelled,
  untilCancelled,
} from '../scripted/ports';
import { connectScripted, type ScriptedTemporal } from '../scripted/temporal';
import { VERDICT_MEMO } from '../../workflows/contract';
import { stack } from './stack';

/** The real workflow on a real Temporal, with scripted ports. */

let temporal: ScriptedTemporal;

/** Checks that database and program are applied after the tests, in any order. @returns the other calls */
function withoutApplying([first, ...calls]: string[]): string[] {
  expect(calls.splice(0, 2).sort()).toEqual(['applyDatabase', 'applyProgram']);
  return [first!, ...calls];
}

beforeAll(async () => {
  temporal = await connectScripted(stack().temporalAddress);
});

afterAll(() => temporal?.close());

test('code that passes is deployed, step by step, and every action is recorded in order', async () => {
  await temporal.submit({}, async ({ handle, calls, documents, recorded }) => {
    const verdict = await handle.result();
    expect(verdict).toMatchObject({ status: 'deployed', namespace: 'user-test' });
    expect(verdict.live?.submissionId).toBe(verdict.submissionId);
    expect(withoutApplying(calls)).toEqual(['run', 'awaitRollout']);
    await recorded();
    const actions = documents.map((document) => (document.event as { action: string }).action);
    // Database and program are applied at the same time: either may be done first.
    expect(actions.splice(3, 2).sort()).toEqual(['stage.apply_database', 'stage.apply_program']);
    expect(actions).toEqual([
      'submission.accepted',
      'stage.run_tests',
      'stage.await_turn',
      'stage.await_rollout',
      'submission.finished',
    ]);
  });
});

test('code that fails is a verdict, not an error, and nothing is deployed', async () => {
  const run = () => Promise.resolve({ ...pass, outcome: 'failed' as const, exitCode: 3 });
  await temporal.submit({ testRunner: { run } }, async ({ handle, calls }) => {
    await expect(handle.result()).resolves.toMatchObject({
      status: 'tests_failed',
      namespace: 'user-test',
      reason: 'failed',
      live: null,
    });
    expect(calls).toEqual([]);
    expect((await handle.describe()).status.name).toBe('COMPLETED');
  });
});

const testOnly = { deploy: false as const };

test('code that passes and asks for the tests alone ends as tests_passed: nothing is deployed, no turn is taken', async () => {
  await temporal.submit(
    {},
    async ({ handle, calls, documents, order, recorded }) => {
      expect(await handle.result()).toMatchObject({
        status: 'tests_passed',
        reason: 'passed',
        message: 'The program ended with exit code 0. It was tested only, and not deployed.',
        tests: { outcome: 'passed' },
        rollout: null,
        live: null,
      });
      expect(calls).toEqual(['run']);
      await recorded();
      expect(documents.map(({ event, details }) => ({ event, details }))).toMatchObject([
        { event: { action: 'submission.accepted' }, details: { deploy: false } },
        { event: { action: 'stage.run_tests' } },
        { event: { action: 'submission.finished', outcome: 'success', reason: 'tests_passed' } },
      ]);
      expect(documents).toHaveLength(3);
      const { memo, searchAttributes } = await handle.describe();
      expect(memo?.[VERDICT_MEMO]).toMatchObject({ status: 'tests_passed' });
      expect(searchAttributes).toMatchObject({ SubmissionStatus: ['tests_passed'] });
      await expect(order.describe()).rejects.toThrow(WorkflowNotFoundError);
    },
    {},
    testOnly,
  );
});

test('code that fails ends as tests_failed when it asks for the tests alone, too', async () => {
  const run = () => Promise.resolve({ ...pass, outcome: 'failed' as const, exitCode: 3 });
  await temporal.submit(
    { testRunner: { run } },
    async ({ handle, calls }) => {
      await expect(handle.result()).resolves.toMatchObject({ status: 'tests_failed', reason: 'failed' });
      expect(calls).toEqual([]);
    },
    {},
    testOnly,
  );
});

test('a migration is not run for the tests alone, and a database of the tests goes after them', async () => {
  await temporal.submit(
    {},
    async ({ handle, calls }) => {
      expect(await handle.result()).toMatchObject({ status: 'tests_passed', migration: null });
      expect(calls).toEqual(['applyDatabase', 'openTestDatabase', 'run', 'dropTestDatabase']);
    },
    { migrate: 'main.py' },
    { ...testOnly, testDatabase: true },
  );
});

test('what is tested only neither waits for a rollout of its user nor supersedes one that waits', async () => {
  let isLive: () => void;
  const rolledOut = new Promise<void>((resolve) => (isLive = resolve));
  const awaitRollout = () => rolledOut.then(() => live);
  await temporal.submit({ production: { awaitRollout } }, async ({ handle, another, reached }) => {
    await reached('awaitRollout');
    const waiting = await another(1);
    const tested = await another(2, testOnly);
    expect((await tested.result()).status).toBe('tests_passed');
    isLive();
    expect((await handle.result()).status).toBe('deployed');
    expect((await waiting.result()).status).toBe('deployed');
  });
});

test('a missing environment is made, and then the tests run, under the same key: a pod that lives has the result', async () => {
  let made = false;
  const keys: string[] = [];
  const run = ({ key }: RunRequest) =>
    keys.push(key) && made
      ? Promise.resolve(pass)
      : Promise.reject(platformError('EnvironmentMissing', 'no pod test-test'));
  const ensure = () => {
    made = true;
    return Promise.resolve({ namespace: 'user-test', changed: ['Namespace/user-test'] });
  };
  const outcome = (event: object) =>
    expect.objectContaining({ event: expect.objectContaining(event) as object }) as object;
  await temporal.submit(
    { testRunner: { run }, environments: { ensure } },
    async ({ handle, documents, recorded }) => {
      expect((await handle.result()).status).toBe('deployed');
      expect(keys).toEqual([keys[0], keys[0]]);
      const { events } = await handle.fetchHistory();
      expect(events?.filter((event) => event.activityTaskFailedEventAttributes)).toEqual([]);
      await recorded();
      expect(documents).not.toContainEqual(outcome({ outcome: 'failure' }));
      expect(documents).toContainEqual(outcome({ action: 'stage.run_tests', outcome: 'unknown' }));
    },
  );
});

test('an environment that stays missing ends the submission with an error that says so', async () => {
  const run = () => Promise.reject(platformError('EnvironmentMissing', 'no pod test-test'));
  await temporal.submit({ testRunner: { run } }, async ({ handle, calls }) => {
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(calls).toEqual(Array(7).fill('ensure')); // Three immediate attempts, then with increasing pauses.
    expect((await handle.describe()).memo?.[VERDICT_MEMO]).toMatchObject({
      status: 'internal_error',
      reason: 'EnvironmentMissing',
      message: 'no pod test-test',
    });
  });
});

test('a server that is away for a moment is asked again', async () => {
  let attempts = 0;
  const run = () =>
    ++attempts < 3 ? Promise.reject(platformError('Unavailable', 'reset')) : Promise.resolve(pass);
  await temporal.submit({ testRunner: { run } }, async ({ handle }) => {
    expect((await handle.result()).status).toBe('deployed');
    expect(attempts).toBe(3);
  });
});

test('what Kubernetes rejects is not tried again', async () => {
  const applyDatabase = () => Promise.reject(platformError('Rejected', 'exceeded quota'));
  await temporal.submit({ production: { applyDatabase } }, async ({ handle }) => {
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'Rejected' } });
  });
});

test('a rollout that fails is rolled back, and the verdict names what is live', async () => {
  await temporal.submit(
    { production: { awaitRollout: () => Promise.resolve(crashed) } },
    async ({ handle, calls }) => {
      const verdict = await handle.result();
      expect(verdict).toMatchObject({
        status: 'deploy_failed',
        reason: 'crash_loop',
        message: 'It ended with 1.',
        live: { submissionId: 'earlier' },
      });
      expect(withoutApplying(calls)).toEqual(['run', 'rollBack']);
    },
  );
});

const migrating = { migrate: 'main.py' };

test('a migration is run before the rollout, and its pod is removed', async () => {
  await temporal.submit(
    {},
    async ({ handle, calls }) => {
      expect(await handle.result()).toMatchObject({ status: 'deployed', migration: { outcome: 'passed' } });
      expect(calls).toEqual([
        ...['run', 'applyDatabase', 'migrate', 'removeMigration', 'applyProgram', 'awaitRollout'],
      ]);
    },
    migrating,
  );
});

test('after a migration that fails nothing is rolled out, and the verdict has what it printed', async () => {
  const failed = {
    ...migrated,
    outcome: 'failed' as const,
    message: 'It ended with exit code 1.',
    logs: 'no',
  };
  await temporal.submit(
    { production: { migrate: () => Promise.resolve(failed) } },
    async ({ handle, calls }) => {
      expect(await handle.result()).toMatchObject({
        status: 'deploy_failed',
        reason: 'migration_failed',
        migration: { logs: 'no' },
      });
      expect(calls).toEqual(['run', 'applyDatabase', 'removeMigration']);
    },
    migrating,
  );
});

test('a rollout that a newer submission replaced is superseded, and nothing is rolled back', async () => {
  const awaitRollout = () => Promise.resolve({ ...live, outcome: 'superseded' as const });
  await temporal.submit({ production: { awaitRollout } }, async ({ handle, calls }) => {
    expect((await handle.result()).status).toBe('superseded');
    expect(calls).not.toContain('rollBack');
  });
});

test('a submission that is cancelled while it runs ends the run and is recorded as cancelled', async () => {
  const run = (_: unknown, context: CallContext) => untilCancelled(context);
  await temporal.submit({ testRunner: { run } }, async ({ handle, calls, documents, reached, recorded }) => {
    await reached('runTests');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    const { status, memo } = await handle.describe();
    expect(status.name).toBe('CANCELLED');
    expect(memo?.[VERDICT_MEMO]).toMatchObject({ status: 'cancelled' });
    expect(calls).toEqual([]);
    await recorded();
    expect(documents.at(-1)).toMatchObject({ event: { reason: 'cancelled' } });
  });
});

test('a submission that is cancelled while it rolls out is rolled back first', async () => {
  const awaitRollout = (_: unknown, context: CallContext) => untilCancelled(context);
  await temporal.submit({ production: { awaitRollout } }, async ({ handle, calls, reached }) => {
    await reached('awaitRollout');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(withoutApplying(calls)).toEqual(['run', 'rollBack']);
  });
});

test('a cancellation that meets an activity which fails for the moment is a cancellation', async () => {
  const run = (_: unknown, context: CallContext) => unavailableWhenCancelled(context);
  await temporal.submit({ testRunner: { run } }, async ({ handle, reached }) => {
    await reached('runTests');
    await handle.cancel();
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    const { memo, status } = await handle.describe();
    expect(memo?.[VERDICT_MEMO]).toMatchObject({ status: 'cancelled', reason: 'cancelled' });
    expect(status.name).toBe('CANCELLED');
  });
});

test('what was live before, and whose files are gone from the cluster, comes back from memory', async () => {
  const rollouts = [crashed, live];
  const script = {
    production: {
      awaitRollout: () => Promise.resolve(rollouts.shift()!),
      rollBack: () => Promise.reject(platformError('EnvironmentMissing', 'its files are gone')),
    },
    workflowRecords: { read: () => Promise.resolve(deployedBefore) },
  };
  await temporal.submit(script, async ({ handle, calls }) => {
    expect(await handle.result()).toMatchObject({
      status: 'deploy_failed',
      reason: 'crash_loop',
      live: { submissionId: 'earlier' },
    });
    expect(calls.filter((name) => name === 'applyDatabase')).toHaveLength(2);
  });
});

test('the verdict is out while the log store is away, and its actions are stored when it is back', async () => {
  let back = false;
  const stored: string[] = [];
  const write = (documents: LogDocument[]) => {
    if (!back) return Promise.reject(platformError('Unavailable', 'no Elasticsearch'));
    stored.push(...documents.map(({ _id }) => _id));
    return Promise.resolve({ rejected: 0 });
  };
  await temporal.submit({ actionLog: { write } }, async ({ handle, recorded }) => {
    expect((await handle.result()).status).toBe('deployed');
    expect((await handle.describe()).status.name).toBe('COMPLETED');
    expect(stored).toEqual([]);
    back = true;
    await recorded();
    expect(stored).toHaveLength(7);
  });
});

/** A program that runs for longer than the tests of the first workflow task may take. */
function goingOn(executionIds: [string, string]): { run: TestRunner['run']; keys: string[] } {
  const keys: string[] = [];
  const run: TestRunner['run'] = async ({ key }, context) => {
    keys.push(key);
    if (keys.length > 1) return { ...pass, executionId: executionIds[1] };
    context.heartbeat({ executionId: executionIds[0] });
    return new Promise<never>((_, reject) =>
      context.signal.addEventListener('abort', () => reject(context.signal.reason as Error)),
    );
  };
  return { run, keys };
}

test('tests that end soon cost one workflow task and no activity', async () => {
  const run = () => Promise.resolve({ ...pass, outcome: 'failed' as const, exitCode: 3 });
  await temporal.submit({ testRunner: { run } }, async ({ handle }) => {
    await handle.result();
    const { events } = await handle.fetchHistory();
    const counted = (attributes: keyof NonNullable<typeof events>[number]) =>
      events?.filter((event) => event[attributes]).length;
    expect(counted('activityTaskScheduledEventAttributes')).toBe(0);
    expect(counted('workflowTaskCompletedEventAttributes')).toBe(1);
    expect(events!.length).toBeLessThanOrEqual(11);
    const { raw } = await handle.describe();
    expect(Number(raw.workflowExecutionInfo?.stateTransitionCount)).toBeLessThanOrEqual(5);
  });
});

test.each<['the same pod' | 'another pod', [string, string], boolean]>([
  ['the same pod', ['e1', 'e1'], false],
  ['another pod', ['e1', 'e2'], true],
])('tests that go on are joined by an activity, under the same key: in %s', async (_, ids, again) => {
  const { run, keys } = goingOn(ids);
  await temporal.submit(
    { testRunner: { run } },
    async ({ handle }) => {
      expect(await handle.result()).toMatchObject({
        status: 'tests_passed',
        tests: { executedAgain: again },
      });
      expect(keys).toEqual([keys[0], keys[0]]);
    },
    {},
    testOnly,
  );
});
