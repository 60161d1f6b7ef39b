import type { V1ContainerStatus } from '@kubernetes/client-node';
import { hasStarted } from '../../../../infrastructure/kubernetes/pods/started';

const container = (status: Partial<V1ContainerStatus>): V1ContainerStatus => ({
  ...{ name: 'one', image: 'image', imageID: '', ready: false, restartCount: 0, state: { running: {} } },
  ...status,
});

test('a pod has started when the startup probe of each container has succeeded', () => {
  const started = container({ started: true });
  expect(hasStarted({ status: { containerStatuses: [started] } })).toBe(true);
  expect(hasStarted({ status: { containerStatuses: [started, container({ started: false })] } })).toBe(false);
});

test('a pod without containers, or that shuts down, has not', () => {
  const containerStatuses = [container({ started: true })];
  expect(hasStarted({ status: {} })).toBe(false);
  expect(hasStarted({ metadata: { deletionTimestamp: new Date() }, status: { containerStatuses } })).toBe(
    false,
  );
});

test('a container that ended has not', () => {
  const ended = container({ started: true, state: { terminated: { exitCode: 1 } } });
  expect(hasStarted({ status: { containerStatuses: [ended] } })).toBe(false);
});
