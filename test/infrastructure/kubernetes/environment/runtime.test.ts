import { ApiException, type V1RuntimeClass } from '@kubernetes/client-node';
import type { Kube } from '../../../../infrastructure/kubernetes/api/client';
import { runtimeFinder } from '../../../../infrastructure/kubernetes/environment/runtime';

const runtimeClass = (name: string, handler: string): V1RuntimeClass => ({ metadata: { name }, handler });

/** A cluster with these RuntimeClasses. */
function cluster(...items: V1RuntimeClass[]) {
  const listRuntimeClass = jest.fn(() => Promise.resolve({ items }));
  const readRuntimeClass = ({ name }: { name: string }) => {
    const found = items.find(({ metadata }) => metadata?.name === name);
    return found ? Promise.resolve(found) : Promise.reject(new ApiException(404, 'not found', {}, {}));
  };
  return { kube: { node: { listRuntimeClass, readRuntimeClass } } as unknown as Kube, listRuntimeClass };
}

test.each([
  ['none', { className: null, isGvisor: false }],
  ['auto', { className: 'sandboxed', isGvisor: true }],
  ['sandboxed', { className: 'sandboxed', isGvisor: true }],
  ['kata', { className: 'kata', isGvisor: false }],
])('in a cluster with gVisor, %s is found to be', async (wanted, expected) => {
  const { kube } = cluster(runtimeClass('kata', 'kata-qemu'), runtimeClass('sandboxed', 'runsc'));
  await expect(runtimeFinder(kube, wanted)()).resolves.toEqual(expected);
});

test('without gVisor, auto is the default runtime of the cluster', async () => {
  const { kube } = cluster(runtimeClass('kata', 'kata-qemu'));
  await expect(runtimeFinder(kube, 'auto')()).resolves.toEqual({ className: null, isGvisor: false });
});

test('a name that the cluster does not have is refused, with the remedy', async () => {
  const { kube } = cluster();
  await expect(runtimeFinder(kube, 'gvisr')()).rejects.toMatchObject({
    name: 'Rejected',
    message:
      'The cluster has no RuntimeClass gvisr: TEST_RUNTIME_CLASS must name one of the cluster, or be auto or none.',
  });
});

test('the cluster is asked once for many environments, and again after it could not answer', async () => {
  const { kube, listRuntimeClass } = cluster(runtimeClass('gvisor', 'runsc'));
  listRuntimeClass.mockImplementationOnce(() => Promise.reject(new ApiException(503, 'busy', {}, {})));
  const find = runtimeFinder(kube, 'auto');
  await expect(find()).rejects.toMatchObject({ name: 'Unavailable' });
  await Promise.all([find(), find()]);
  expect(listRuntimeClass).toHaveBeenCalledTimes(2);
});
