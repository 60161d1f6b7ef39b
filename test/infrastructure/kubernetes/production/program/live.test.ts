import { ApiException } from '@kubernetes/client-node';
import type { Kube } from '../../../../../infrastructure/kubernetes/api/client';
import { markLive } from '../../../../../infrastructure/kubernetes/production/program/live';

const program = {
  ...{ submissionId: 's', workflowId: 'w', runId: 'r' },
  ...{ codeDigest: 'digest', configMap: 'ada-prod-digest' },
};
const deployment = { metadata: { name: 'ada-prod', namespace: 'user-ada', uid: 'u1', resourceVersion: '7' } };

type Patch = { op: string; path: string; value: string }[];

function cluster(status?: number) {
  const patches: Patch[] = [];
  const patchNamespacedDeployment = ({ body }: { body: Patch }) => {
    patches.push(body);
    return status === undefined
      ? Promise.resolve({})
      : Promise.reject(new ApiException(status, '', JSON.stringify({ message: 'refused' }), {}));
  };
  return { patches, kube: { apps: { patchNamespacedDeployment } } as unknown as Kube };
}

test('a program is marked as live on the condition that the Deployment specifies it, whatever its status is', async () => {
  const { kube, patches } = cluster();
  expect(await markLive(kube, deployment, program)).toBe(true);
  const [patch = []] = patches;
  expect(patch).toContainEqual({ op: 'test', path: '/metadata/uid', value: 'u1' });
  const submission = '/metadata/annotations/orchestration-app~1submission-id';
  expect(patch).toContainEqual({ op: 'test', path: submission, value: 's' });
  const live = '/metadata/annotations/orchestration-app~1live-submission-id';
  expect(patch).toContainEqual({ op: 'add', path: live, value: 's' });
  expect(JSON.stringify(patch)).not.toContain('resourceVersion');
});

test.each([422, 404])('it is not marked when the condition is not met: %i', async (status) => {
  expect(await markLive(cluster(status).kube, deployment, program)).toBe(false);
});

test('an outage is an error', async () => {
  await expect(markLive(cluster(503).kube, deployment, program)).rejects.toThrow('refused');
});
