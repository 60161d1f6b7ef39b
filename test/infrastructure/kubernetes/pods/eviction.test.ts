import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import { fillsItsDisk } from '../../../../infrastructure/kubernetes/evictions';
import { diskEviction } from '../../../../infrastructure/kubernetes/pods/eviction';
import { podProblem } from '../../../../infrastructure/kubernetes/pods/problem';
import { podOf } from '../../../../infrastructure/kubernetes/production/pods';
import {
  isStopped,
  STOPPED_ANNOTATION,
} from '../../../../infrastructure/kubernetes/production/program/stopped';
import { programAnnotations } from '../../../../infrastructure/kubernetes/production/provenance';

const program = {
  ...{ submissionId: 's1', workflowId: 'submission-s1', runId: 'r1' },
  ...{ codeDigest: 'd1', configMap: 'ada-prod-d1' },
};
const NOW = Date.parse('2026-01-31T12:00:00Z');
const TMP = 'Usage of EmptyDir volume "tmp" exceeds the limit "128Mi". ';

function evicted(message = TMP, minutesAgo = 1, runId = 'r1'): V1Pod {
  return {
    metadata: {
      name: 'ada-prod-x',
      labels: { app: 'prod', component: 'program' },
      annotations: programAnnotations('current', { ...program, runId }),
      creationTimestamp: new Date(NOW - minutesAgo * 60_000),
    },
    status: { phase: 'Failed', reason: 'Evicted', message },
  };
}

function deployment(replicas = 1, stopped?: string): V1Deployment {
  return {
    metadata: {
      annotations: {
        ...programAnnotations('current', program),
        ...(stopped !== undefined && { [STOPPED_ANNOTATION]: stopped }),
      },
    },
    spec: { replicas } as V1Deployment['spec'] & object,
  };
}

test.each([
  TMP,
  'Pod ephemeral local storage usage exceeds the total limit of containers 256Mi. ',
  'Container program exceeded its local ephemeral storage limit "256Mi". ',
])('a pod that wrote more than it may says so, with the limit and a remedy: %s', (message) => {
  const problem = podProblem(evicted(message));
  expect(problem).toMatchObject({ reason: 'out_of_disk', graceMs: 0 });
  expect(problem?.message).toContain(message.trim());
  expect(problem?.message).toContain('Delete files that are no longer needed');
  expect(podOf(evicted(message))).toMatchObject({ state: 'failing', message: problem?.message });
});

test('a pod that was evicted for the sake of its node is no failure of its program', () => {
  const pod = evicted('The node was low on resource: ephemeral-storage. ');
  expect(diskEviction(pod)).toBeNull();
  expect(podProblem(pod)).toBeNull();
  expect(podOf(pod)).toMatchObject({ state: 'ended' });
});

test.each<[string, boolean, V1Pod[]]>([
  ['three times within half an hour', true, [evicted(), evicted(TMP, 5), evicted(TMP, 29)]],
  ['twice', false, [evicted(), evicted(TMP, 5)]],
  ['three times within a longer time', false, [evicted(), evicted(TMP, 5), evicted(TMP, 31)]],
  ['of earlier programs', false, [evicted(), evicted(TMP, 2), evicted(TMP, 3, 'r0')]],
  ['for the sake of the node', false, [1, 2, 3].map((ago) => evicted('The node was low on memory.', ago))],
])('evictions %s: the program is stopped: %s', (_which, stops, failed) => {
  expect(fillsItsDisk(deployment(), failed, NOW)).toBe(stops);
  expect(fillsItsDisk(deployment(0), failed, NOW)).toBe(false);
});

test('it stays stopped until the next program is applied', () => {
  expect(isStopped(deployment(0, 'r1'))).toBe(true);
  expect(isStopped(deployment(1, 'r1'))).toBe(false);
  expect(isStopped(deployment(0, 'r0'))).toBe(false);
  expect(isStopped(deployment(0))).toBe(false);
});
