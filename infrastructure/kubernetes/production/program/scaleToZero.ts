import { PatchStrategy, type V1Deployment } from '@kubernetes/client-node';
import { FIELD_MANAGER } from '../../api/apply';
import type { Kube } from '../../api/client';
import { attempt, unlessChangedOrGone } from '../../api/errors';

/**
 * Scales a program's Deployment to zero, until the next program is applied.
 * @param annotations written to it at the same time
 * @returns false when it was changed or deleted meanwhile
 */
export function scaleToZero(
  kube: Kube,
  { metadata }: V1Deployment,
  annotations?: Record<string, string>,
): Promise<boolean> {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  const patch = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, uid, resourceVersion, ...(annotations && { annotations }) },
    spec: { replicas: 0 },
  } as V1Deployment;
  return unlessChangedOrGone(() =>
    attempt(`scale Deployment/${name} to 0`, () =>
      kube.objects.patch(
        patch,
        undefined,
        undefined,
        `${FIELD_MANAGER}-idle`,
        undefined,
        PatchStrategy.MergePatch,
      ),
    ),
  );
}
