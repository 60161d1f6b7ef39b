import { ApiException } from '@kubernetes/client-node';
import type { Kube } from '../../../../infrastructure/kubernetes/api/client';
import { waitUntilGone } from '../../../../infrastructure/kubernetes/api/waiting';

const pods = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespace: 'user-ada' };
const pod = { metadata: { uid: 'u1', name: 'one' } };

/** A cluster with these pods, and a function that reports the deletion of one to those who watch. */
function clusterWith(items: object[]) {
  let onEvent: (type: string, object: unknown) => void = () => undefined;
  const kube = {
    objects: { list: () => Promise.resolve({ items, metadata: { resourceVersion: '1' } }) },
    watch: {
      watch: (_path: string, _query: object, handler: typeof onEvent) => {
        onEvent = handler;
        return Promise.resolve(new AbortController());
      },
    },
  } as unknown as Kube;
  return { kube, deleted: (object: object) => onEvent('DELETED', object) };
}

const never = new AbortController().signal;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('it waits until the last object is deleted, and sends heartbeats meanwhile', async () => {
  const heartbeat = jest.fn();
  const { kube, deleted } = clusterWith([pod]);
  const gone = waitUntilGone(kube, 'the pods', pods, 60_000, { signal: never, heartbeat });
  await jest.advanceTimersByTimeAsync(2_500);
  expect(heartbeat.mock.calls).toEqual([[{ waitingFor: 'the pods' }], [{ waitingFor: 'the pods' }]]);
  deleted(pod);
  await expect(gone).resolves.toBeUndefined();
});

test('it does not wait if there are no objects', async () => {
  const { kube } = clusterWith([]);
  await waitUntilGone(kube, 'the pods', pods, 60_000, { signal: never, heartbeat: () => undefined });
});

test('a list that is enough opens no watch', async () => {
  const { kube } = clusterWith([]);
  const watch = jest.spyOn(kube.watch, 'watch');
  await waitUntilGone(kube, 'the pods', pods, 60_000, { signal: never, heartbeat: () => undefined });
  await jest.advanceTimersByTimeAsync(1_000);
  expect(watch).not.toHaveBeenCalled();
});

test('a namespace that does not exist has no objects', async () => {
  const missing = new ApiException(404, '', JSON.stringify({ message: 'not found' }), {});
  const kube = { objects: { list: () => Promise.reject(missing) } } as unknown as Kube;
  await waitUntilGone(kube, 'the pods', pods, 60_000, { signal: never, heartbeat: () => undefined });
});

test('objects that remain at the deadline are an error that may be retried', async () => {
  const { kube } = clusterWith([pod]);
  const gone = waitUntilGone(kube, 'the pods', pods, 3_000, { signal: never, heartbeat: () => undefined });
  const failure = expect(gone).rejects.toMatchObject({
    name: 'Unavailable',
    message: 'Timed out after 3 s waiting for the pods.',
  });
  await jest.advanceTimersByTimeAsync(3_000);
  await failure;
});

test('an abort ends the wait', async () => {
  const { kube } = clusterWith([pod]);
  const abort = new AbortController();
  const gone = waitUntilGone(kube, 'the pods', pods, 3_000, {
    signal: abort.signal,
    heartbeat: () => undefined,
  });
  abort.abort(new Error('cancelled'));
  await expect(gone).rejects.toThrow('cancelled');
});
