import type { V1HostAlias, V1PodTemplateSpec } from '@kubernetes/client-node';
import { attemptToFind, PlatformError } from '../../api/errors';
import type { Kube } from '../../api/client';
import { namesOf } from '../names';
import type { ProductionSettings } from '../types';

/**
 * The host names that a program's pod can resolve: its database, and the package index if it installs
 * requirements. Network policies deny it every DNS server.
 * @param installs whether the pod installs requirements
 * @throws PlatformError `EnvironmentMissing` when the database's Service does not exist
 */
export async function hostAliasesOf(
  kube: Kube,
  userId: string,
  { packageIndex }: ProductionSettings,
  { installs }: { installs: boolean },
): Promise<V1HostAlias[]> {
  const { namespace, database: name } = namesOf(userId);
  const service = await attemptToFind(`read Service/${name} in ${namespace}`, () =>
    kube.core.readNamespacedService({ namespace, name }),
  );
  const ip = service?.spec?.clusterIP;
  if (!ip) throw new PlatformError('EnvironmentMissing', `The Service ${name} of the database was deleted.`);
  const local = `${name}.${namespace}`;
  const database = { ip, hostnames: [name, local, `${local}.svc`, `${local}.svc.cluster.local`] };
  return [database, ...(installs ? (packageIndex?.hostAliases ?? []) : [])];
}

/** A recorded pod template with the current addresses. One that resolves names with DNS stays as it is. */
export function withHostAliases(template: V1PodTemplateSpec, hostAliases: V1HostAlias[]): V1PodTemplateSpec {
  if (template.spec?.hostAliases === undefined) return template;
  return { ...template, spec: { ...template.spec, hostAliases } };
}
