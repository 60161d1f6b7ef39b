import { PatchStrategy } from '@kubernetes/client-node';
import type { V1Namespace, V1NetworkPolicy } from '@kubernetes/client-node';
import type { Egress } from '../../config/egress';
import { apply, contains, FIELD_MANAGER, isSame, nameOf } from '../api/apply';
import type { Kube } from '../api/client';
import { attempt, attemptToFind } from '../api/errors';
import { namespaceOf } from '../testPod/names';
import { egressAnnotation } from './annotation';
import { planEgressPolicy, type EgressSettings } from './policy';

/**
 * Applies what a user's plan allows to the existing namespace of the user, for a deployment: environments, which
 * have the same policy, are only prepared when they are missing. Writes only what differs.
 */
export async function ensureEgress(
  kube: Kube,
  userId: string,
  egress: Egress | undefined,
  settings: EgressSettings,
): Promise<void> {
  const name = namespaceOf(userId);
  const policy = planEgressPolicy(userId, egress, settings);
  const annotations = egressAnnotation(egress);
  const [existing, namespace] = await Promise.all([
    readPolicy(kube, policy),
    attemptToFind(`read namespace ${name}`, () => kube.core.readNamespace({ name })),
  ]);
  if (!isApplied(policy, existing)) await apply(kube.objects, policy);
  if (contains(namespace?.metadata?.annotations, annotations)) return;
  const annotated: V1Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations } };
  // A merge, and no server-side apply, which would remove the labels of the namespace.
  await attempt(`annotate namespace ${name}`, () =>
    kube.objects.patch(annotated, undefined, undefined, FIELD_MANAGER, undefined, PatchStrategy.MergePatch),
  );
}

function readPolicy(kube: Kube, policy: V1NetworkPolicy): Promise<V1NetworkPolicy | null> {
  const { apiVersion = '', kind = '', metadata: { name = '', namespace = '' } = {} } = policy;
  return attemptToFind(`read ${nameOf(policy)}`, () =>
    kube.objects.read<V1NetworkPolicy>({ apiVersion, kind, metadata: { name, namespace } }),
  );
}

/** All of the specification is compared: a rule that the plan no longer has must go. */
function isApplied({ metadata, spec }: V1NetworkPolicy, existing: V1NetworkPolicy | null): boolean {
  return isSame(existing?.spec, spec) && contains(existing?.metadata?.labels, metadata?.labels);
}
