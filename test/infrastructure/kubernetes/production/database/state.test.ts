import type { V1StatefulSetStatus } from '@kubernetes/client-node';
import { isReady } from '../../../../../infrastructure/kubernetes/production/database/state';

const READY: V1StatefulSetStatus = {
  observedGeneration: 3,
  replicas: 1,
  readyReplicas: 1,
  updatedReplicas: 1,
  currentRevision: 'db-b',
  updateRevision: 'db-b',
};

const ready = (status: Partial<V1StatefulSetStatus>) =>
  isReady({ metadata: { generation: 3 }, status: { ...READY, ...status } });

test('a database is ready once its pod runs the newest revision and accepts connections', () => {
  expect(ready({})).toBe(true);
});

test.each<[string, Partial<V1StatefulSetStatus>]>([
  ['the change was not observed', { observedGeneration: 2 }],
  ['the pod is not ready', { readyReplicas: 0 }],
  ['the older revision is complete, the newest is not', { currentRevision: 'db-a' }],
  // A change was taken back before its pod counted as ready: both revisions are the first again, the pod is not.
  ['the pod runs a change that was taken back', { updatedReplicas: 0 }],
])('a database is not ready while %s', (_, status) => {
  expect(ready(status)).toBe(false);
});
