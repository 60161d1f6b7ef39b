import type { KubernetesObject } from '@kubernetes/client-node';
import { ApiException } from '@kubernetes/client-node';
import { patiently } from '../patience';
import type { Fault, Reach } from './fault';

/** A kind of object in a user's namespace. */
export interface ObjectKind {
  apiVersion: string;
  kind: string;
  labelSelector?: string;
}

const pods = (component: string): ObjectKind => ({
  apiVersion: 'v1',
  kind: 'Pod',
  labelSelector: component,
});

export const TEST_POD = pods('app=test');
export const PROGRAM_POD = pods('app=prod,component=program');
export const DATABASE_POD = pods('app=prod,component=db');
export const DEPLOYMENT: ObjectKind = { apiVersion: 'apps/v1', kind: 'Deployment' };
export const SERVICE: ObjectKind = { apiVersion: 'v1', kind: 'Service', labelSelector: 'component=program' };
export const CONFIG_MAP: ObjectKind = { apiVersion: 'v1', kind: 'ConfigMap', labelSelector: 'app=prod' };
export const NETWORK_POLICY: ObjectKind = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };

/** Everything in a user's namespace except the database's password and volume, which are its data. */
const ALL: ObjectKind[] = [
  DEPLOYMENT,
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'v1', kind: 'Service' },
  CONFIG_MAP,
  NETWORK_POLICY,
  { apiVersion: 'v1', kind: 'ResourceQuota' },
  { apiVersion: 'v1', kind: 'LimitRange' },
  { apiVersion: 'v1', kind: 'Pod' },
];

/** Deletes one object of this kind. */
export const deleteOne =
  (kind: ObjectKind, lost: { executionsLost?: true; productionLost?: true } = {}): Fault =>
  async (reach, random) => {
    const user = random.pick(reach.users);
    const found = await objectsOf(reach, user, kind);
    if (found.length === 0) return null;
    const one = random.pick(found);
    await remove(reach, one);
    return { what: `${kind.kind}/${one.metadata?.name}`, user, ...lost };
  };

/** Deletes everything in a user's namespace, object by object. */
export const emptyNamespace: Fault = async (reach, random) => {
  const user = random.pick(reach.users);
  let count = 0;
  for (const kind of ALL)
    for (const one of await objectsOf(reach, user, kind)) {
      await remove(reach, one);
      count++;
    }
  if (count === 0) return null;
  const what = `${count} objects of user-${user}`;
  return { what, user, executionsLost: true, productionLost: true };
};

async function objectsOf(
  { kube }: Pick<Reach, 'kube'>,
  user: string,
  { apiVersion, kind, labelSelector }: ObjectKind,
): Promise<KubernetesObject[]> {
  const { items } = await patiently(() =>
    kube.objects.list(
      apiVersion,
      kind,
      `user-${user}`,
      undefined,
      undefined,
      undefined,
      undefined,
      labelSelector,
    ),
  );
  return items.map((item) => ({ ...item, apiVersion, kind }));
}

async function remove({ kube }: Reach, object: KubernetesObject): Promise<void> {
  await patiently(() =>
    kube.objects.delete(object).catch((error: unknown) => {
      if (!(error instanceof ApiException && error.code === 404)) throw error;
    }),
  );
}
