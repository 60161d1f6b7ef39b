import { PatchStrategy } from '@kubernetes/client-node';
import type { V1Namespace } from '@kubernetes/client-node';
import type { Egress } from '../../config/egress';
import { apply, FIELD_MANAGER } from '../api/apply';
import type { Kube } from '../api/client';
import { attempt } from '../api/errors';
import { namespaceOf } from '../testPod/names';
import { egressAnnotation } from './annotation';
import { planEgressPolicy, type EgressSettings } from './policy';

/**
 * Applies what a user's plan allows to the existing namespace of the user, for a deployment: environments, which
 * have the same policy, are only prepared when they are missing.
 */
export async function ensureEgress(
  kube: Kube,
  userId: string,
  egress: Egress | undefined,
  settings: EgressSettings,
): Promise<void> {
  const name = namespaceOf(userId);
  const annotated: V1Namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, annotations: egressAnnotation(egress) },
  };
  await apply(kube.objects, planEgressPolicy(userId, egress, settings));
  // A merge, and no server-side apply, which would remove the labels of the namespace.
  await attempt(`annotate namespace ${name}`, () =>
    kube.objects.patch(annotated, undefined, undefined, FIELD_MANAGER, undefined, PatchStrategy.MergePatch),
  );
}
