import type { V1Pod } from '@kubernetes/client-node';
import { podOf } from '../../../../infrastructure/kubernetes/production/pods';
import { programAnnotations } from '../../../../infrastructure/kubernetes/production/provenance';

const program = {
  ...{ submissionId: 's1', workflowId: 'submission-s1', runId: 'r1' },
  ...{ codeDigest: 'd1', configMap: 'ada-prod-d1' },
};
const created = new Date('2026-01-01T12:00:00.000Z');
const scheduled = { conditions: [{ type: 'PodScheduled', status: 'True' }] };

function pod(status: V1Pod['status'], component = 'program', deletionTimestamp?: Date): V1Pod {
  return {
    metadata: {
      name: 'ada-prod-x',
      labels: { app: 'prod', component },
      annotations: component === 'db' ? {} : programAnnotations('current', program),
      creationTimestamp: created,
      ...(deletionTimestamp && { deletionTimestamp }),
    },
    ...(status && { status }),
  };
}

const container = (name: string, ready: boolean, restartCount = 0) => ({
  ...{ name, ready, restartCount, image: 'i', imageID: 'i' },
  state: { running: {} },
});

test('a pod says what it is of, and since when', () => {
  const status = { ...scheduled, phase: 'Running', containerStatuses: [container('program', true, 2)] };
  expect(podOf(pod(status))).toEqual({
    name: 'ada-prod-x',
    component: 'program',
    submissionId: 's1',
    state: 'ready',
    restarts: 2,
    message: null,
    since: created.toISOString(),
  });
  const database = { ...scheduled, containerStatuses: [container('database', true)] };
  expect(podOf(pod(database, 'db'))).toMatchObject({ component: 'database', submissionId: null });
  expect(podOf(pod(database, 'program-files'))).toBeNull();
});

test.each<[string, V1Pod]>([
  ['pending', pod({ phase: 'Pending' })],
  ['starting', pod({ ...scheduled, phase: 'Pending' })],
  ['running', pod({ ...scheduled, containerStatuses: [container('program', false)] })],
  ['ended', pod({ ...scheduled, phase: 'Succeeded' }, 'migration')],
  ['leaving', pod({ ...scheduled, containerStatuses: [container('program', true)] }, 'program', created)],
])('it is %s', (state, given) => {
  expect(podOf(given)).toMatchObject({ state, message: null });
});

test('one that fails again says why', () => {
  const failed = {
    ...{ name: 'program', ready: false, restartCount: 2, image: 'i', imageID: 'i' },
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 3 } },
  };
  expect(podOf(pod({ ...scheduled, containerStatuses: [failed] }))).toMatchObject({
    state: 'failing',
    message: expect.stringContaining('exit code 3') as string,
  });
});
