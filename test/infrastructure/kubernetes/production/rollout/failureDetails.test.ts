import type { CoreV1Event } from '@kubernetes/client-node';
import { eventLines } from '../../../../../infrastructure/kubernetes/production/rollout/failureDetails';

const pod = { metadata: { uid: 'pod-1', ownerReferences: [owner('set-1')] } };

function owner(uid: string) {
  return { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'test-prod-7d9f', uid };
}

function event(uid: string, second: number, message = 'Back-off restarting failed container'): CoreV1Event {
  return {
    metadata: {},
    type: 'Warning',
    reason: 'BackOff',
    message,
    lastTimestamp: new Date(second * 1000),
    involvedObject: { kind: 'Pod', name: 'test-prod-7d9f-x2x', uid },
  };
}

it('tells of the pods and the sets that made them, oldest first, and of nothing else', () => {
  const events = [event('pod-1', 3, 'later'), event('set-1', 2, 'earlier'), event('pod-of-another', 1)];
  expect(eventLines(events, [pod])).toEqual([
    'Warning BackOff Pod/test-prod-7d9f-x2x: earlier',
    'Warning BackOff Pod/test-prod-7d9f-x2x: later',
  ]);
});

it('stays small: the newest ten, each cut short', () => {
  const events = Array.from({ length: 30 }, (_, second) => event('pod-1', second, 'x'.repeat(1000)));
  const lines = eventLines(events, [pod]);
  expect(lines).toHaveLength(10);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(300);
});
