import type { V1Pod } from '@kubernetes/client-node';
import { requiredAction } from '../../../../infrastructure/kubernetes/environment/reconcile';
import { SPEC_ANNOTATION } from '../../../../infrastructure/kubernetes/environment/testPodManifest';

const SPEC = 'abc';

function pod({ metadata, status }: Pick<V1Pod, 'metadata' | 'status'>): V1Pod {
  return { metadata: { annotations: { [SPEC_ANNOTATION]: SPEC }, ...metadata }, ...(status && { status }) };
}

const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };

test('a pod that is not there is created', () => {
  expect(requiredAction(null, SPEC)).toEqual({ do: 'create' });
});

test('a ready pod of the wanted spec is left alone', () => {
  expect(requiredAction(pod({ status: ready }), SPEC)).toEqual({ do: 'nothing' });
});

test('a ready pod of another spec is replaced', () => {
  expect(requiredAction(pod({ status: ready }), 'def')).toMatchObject({ do: 'replace' });
});

test.each(['Failed', 'Succeeded'])(
  'a pod that has %s is replaced, for instance after an eviction',
  (phase) => {
    expect(requiredAction(pod({ status: { phase, reason: 'Evicted' } }), SPEC)).toEqual({
      do: 'replace',
      because: 'it has ended: Evicted',
    });
  },
);

test('a pod on its way out is waited for, ready or not, of whatever spec', () => {
  const leaving = pod({ metadata: { deletionTimestamp: new Date() }, status: ready });
  expect(requiredAction(leaving, 'def')).toEqual({ do: 'wait', for: 'deletion', problem: null });
});

test('a pod on its way in is waited for, with what keeps it', () => {
  const state = { waiting: { reason: 'ImagePullBackOff', message: 'not found' } };
  const container = { name: 'runner', image: 'test:1', imageID: '', ready: false, restartCount: 0, state };
  const coming = pod({ status: { phase: 'Pending', containerStatuses: [container] } });
  expect(requiredAction(coming, SPEC)).toMatchObject({
    do: 'wait',
    for: 'ready',
    problem: { reason: 'image_error' },
  });
});
