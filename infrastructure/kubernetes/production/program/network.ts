import type { V1HostAlias, V1PodTemplateSpec } from '@kubernetes/client-node';
import { attemptToFind, PlatformError } from '../../api/errors';
import type { Kube } from '../../api/client';
import type { AssignedPlan } from '../../../config/plans';
import { ensureEgress } from '../../egress/ensureEgress';
import { PROXY_VARIABLES, proxyVariables } from '../../egress/proxy';
import { planOf } from '../../environment/userPlans';
import { dnsOf } from '../../pods/security';
import { namesOf } from '../names';
import type { PodNetwork, ProductionSettings } from '../types';

/**
 * Applies what the user's plan allows, and describes the network of a program's pod.
 * @param installs whether the pod installs requirements
 * @throws PlatformError `EnvironmentMissing` when the database's Service does not exist, `Rejected` for a plan that
 * USER_PLANS does not define
 */
export async function prepareNetwork(
  kube: Kube,
  userId: string,
  settings: ProductionSettings,
  { installs }: { installs: boolean },
): Promise<PodNetwork> {
  const [database, plan] = await Promise.all([
    databaseAlias(kube, userId),
    appliedPlan(kube, userId, settings),
  ]);
  const index = installs ? (settings.packageIndex?.hostAliases ?? []) : [];
  const variables = Object.entries(proxyVariables(userId, plan, settings));
  return {
    hostAliases: [database, ...index],
    dns: dnsOf(plan.egress),
    proxyVariables: variables.map(([name, value]) => ({ name, value })),
  };
}

async function appliedPlan(kube: Kube, userId: string, settings: ProductionSettings): Promise<AssignedPlan> {
  const plan = await planOf(kube, userId, settings.plans ?? {});
  await ensureEgress(kube, userId, plan.egress, settings);
  return plan;
}

async function databaseAlias(kube: Kube, userId: string): Promise<V1HostAlias> {
  const { namespace, database: name } = namesOf(userId);
  const service = await attemptToFind(`read Service/${name} in ${namespace}`, () =>
    kube.core.readNamespacedService({ namespace, name }),
  );
  const ip = service?.spec?.clusterIP;
  if (!ip) throw new PlatformError('EnvironmentMissing', `The Service ${name} of the database was deleted.`);
  const local = `${name}.${namespace}`;
  return { ip, hostnames: [name, local, `${local}.svc`, `${local}.svc.cluster.local`] };
}

/**
 * A recorded pod template with the current network. One of version 0.2 or older, which resolves its database with
 * DNS, stays as it is.
 */
export function withNetwork(
  template: V1PodTemplateSpec,
  { hostAliases, dns, proxyVariables: variables }: PodNetwork,
): V1PodTemplateSpec {
  const { metadata, spec } = template;
  if (spec?.hostAliases === undefined) return template;
  const containers = spec.containers.map(({ env = [], ...container }) => ({
    ...container,
    env: [...env.filter(({ name }) => !PROXY_VARIABLES.includes(name)), ...variables],
  }));
  const { dnsPolicy: _, dnsConfig: __, ...others } = spec;
  return {
    metadata: { ...metadata, labels: { ...metadata?.labels, ...dns.labels } },
    spec: { ...others, ...dns.spec, hostAliases, containers },
  };
}
