import { ApiException } from '@kubernetes/client-node';
import type { Kube } from '../../../../infrastructure/kubernetes/api/client';
import { openExecStream } from '../../../../infrastructure/kubernetes/testPod/execStream';

const listener = { onFrame: () => undefined, onFailure: () => undefined };
const forbidden = () => Promise.reject(new ApiException(403, '', '', {}));

test.each([
  ['that exists means that its RoleBinding is missing', () => Promise.resolve({}), 'EnvironmentMissing'],
  ['that cannot be read either means that the API server has just started', forbidden, 'Unavailable'],
])('an exec that is forbidden in a namespace %s', async (_, readNamespace, name) => {
  const refusal = { type: 'error', message: 'Unexpected server response: 403' };
  const kube = {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as the client does
    exec: { exec: () => Promise.reject(refusal) },
    core: { readNamespacedPod: forbidden, readNamespace },
  } as unknown as Kube;
  await expect(openExecStream(kube, 'ada', listener)).rejects.toMatchObject({ name });
});
