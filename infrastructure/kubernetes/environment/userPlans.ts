import type { V1ConfigMap } from '@kubernetes/client-node';
import { apply } from '../api/apply';
import type { Kube } from '../api/client';
import { DEFAULT_PLAN, type AssignedPlan, type Plans } from '../../config/plans';
import { attemptToFind, PlatformError } from '../api/errors';
import { KEYS_NAMESPACE } from '../keys';

/**
 * The plan of each user is stored in a ConfigMap, in the namespace of the keys. The worker's USER_PLANS
 * defines the plans.
 */

const nameOf = (userId: string) => `plan-${userId}`;

/** Assigns a plan to a user. It takes effect when the user's environment is next created or repaired. */
export async function setPlan(kube: Kube, userId: string, plan: string): Promise<void> {
  await apply<V1ConfigMap>(kube.objects, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: nameOf(userId),
      namespace: KEYS_NAMESPACE,
      labels: {
        'app.kubernetes.io/managed-by': 'orchestration-app',
        'app.kubernetes.io/component': 'plan',
        'orchestration-app/user': userId,
      },
    },
    data: { plan },
  });
}

/**
 * The plan of a user. A user without one gets the default plan, or an empty plan if there is no default.
 * @throws PlatformError `Rejected` for a plan that USER_PLANS does not define
 */
export async function planOf(kube: Kube, userId: string, plans: Plans): Promise<AssignedPlan> {
  if (Object.keys(plans).length === 0) return {};
  const found = await attemptToFind(`read the plan of ${userId}`, () =>
    kube.core.readNamespacedConfigMap({ name: nameOf(userId), namespace: KEYS_NAMESPACE }),
  );
  const named = found?.data?.plan;
  if (named === undefined && plans[DEFAULT_PLAN] === undefined) return {};
  const name = named ?? DEFAULT_PLAN;
  const plan = plans[name];
  if (plan === undefined)
    throw new PlatformError(
      'Rejected',
      `The plan of ${userId} is ${name}, and USER_PLANS has only: ${Object.keys(plans).join(', ')}.`,
      { reason: 'unknown_plan' },
    );
  return { ...plan, name };
}
