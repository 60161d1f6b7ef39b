import type {
  KubernetesObject,
  V1Namespace,
  V1ResourceQuota,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import { apply, nameOf } from '../api/apply';
import { attempt, attemptToFind, PlatformError } from '../api/errors';
import { namespaceOf } from '../testPod/names';
import { waitFor } from '../api/waiting';
import { inTime } from './reconcileContext';
import type { ReconcileContext } from './reconcileContext';
import { USER_NAMESPACES } from './labels';
import { bindingsOf, boundsOf, userNamespace } from './namespaceManifests';
import { awaitRights } from './rights';
import type { UserSettings } from './settings';

/**
 * Creates or repairs the user's namespace and its bounds.
 * @returns what was created or changed, and whether the namespace is new
 */
export async function ensureNamespace(
  context: ReconcileContext,
  settings: UserSettings,
): Promise<{ changed: string[]; isNew: boolean }> {
  const { userId } = context;
  const isNew = !(await awaitDeletion(context));
  if (isNew) await checkRoom(context, settings.maxUsers ?? 0);
  const applyOne = (manifest: KubernetesObject) => applyAndCompare(context, manifest, isNew);
  const applyAll = async (manifests: KubernetesObject[]) =>
    (await Promise.all(manifests.map(applyOne))).flat();
  const namespace = await applyOne(userNamespace(userId, settings.plan?.egress));
  const bindings = await applyAll(bindingsOf(userId));
  await awaitRights(context);
  const bounds = await applyAll(boundsOf(userId, settings));
  const changed = [...namespace, ...bindings, ...bounds];
  if (changed.length > 0) await awaitDefaults(context);
  return { changed, isNew };
}

/**
 * Workers may check at the same time, so slightly more users than the maximum are possible.
 * @throws PlatformError `Rejected` when the maximum number of users is reached
 */
async function checkRoom({ kube, userId }: ReconcileContext, maxUsers: number): Promise<void> {
  if (maxUsers === 0) return;
  const { items } = await attempt('count users', () =>
    kube.core.listNamespace({ labelSelector: USER_NAMESPACES, limit: maxUsers }),
  );
  if (items.length >= maxUsers)
    throw new PlatformError(
      'Rejected',
      `There is no room for the user ${userId}: there are ${maxUsers} users, and MAX_USERS allows no more.`,
      { reason: 'too_many_users' },
    );
}

/**
 * Waits until a namespace that is being deleted is gone, because nothing can be created in it.
 * @returns whether a namespace exists that is not being deleted
 */
async function awaitDeletion({ kube, userId, signal, timeLeft }: ReconcileContext): Promise<boolean> {
  const name = namespaceOf(userId);
  const found = await attemptToFind(`read namespace ${name}`, () => kube.core.readNamespace({ name }));
  if (found?.metadata?.deletionTimestamp === undefined) return found !== null;
  const gone = await waitFor<{ namespaces: V1Namespace[] }, true>(kube, {
    collections: {
      namespaces: {
        apiVersion: 'v1',
        kind: 'Namespace',
        plural: 'namespaces',
        fieldSelector: `metadata.name=${name}`,
      },
    },
    check: ({ namespaces }) => (namespaces.every(isNotOnItsWayOut) ? true : undefined),
    deadlineMs: timeLeft(),
    signal,
  });
  inTime(gone, `the old namespace ${name} was deleted`);
  return false;
}

/**
 * Waits until pods can be created in a new namespace. The cluster refuses them until there is a default
 * service account and the usage of the quota has been calculated.
 */
async function awaitDefaults({ kube, userId, signal, timeLeft }: ReconcileContext): Promise<void> {
  const namespace = namespaceOf(userId);
  const complete = await waitFor<{ quotas: V1ResourceQuota[]; accounts: V1ServiceAccount[] }, true>(kube, {
    collections: {
      quotas: { apiVersion: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas', namespace },
      accounts: { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespace },
    },
    check: ({ quotas, accounts }) =>
      quotas.every((quota) => quota.status?.hard !== undefined) &&
      accounts.some((account) => account.metadata?.name === 'default')
        ? true
        : undefined,
    deadlineMs: timeLeft(),
    signal,
  });
  inTime(complete, `${namespace} had a default service account and a counted quota`);
}

/**
 * Applies a manifest.
 * @param isNew whether nothing was there before
 * @returns its name if that changed the object
 */
async function applyAndCompare(
  { kube }: ReconcileContext,
  manifest: KubernetesObject,
  isNew: boolean,
): Promise<string[]> {
  const { name = '', namespace } = manifest.metadata ?? {};
  const header = {
    apiVersion: manifest.apiVersion ?? 'v1',
    kind: manifest.kind ?? '',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
  };
  const before = isNew
    ? null
    : await attemptToFind(`read ${nameOf(manifest)}`, () => kube.objects.read(header));
  const after = await apply(kube.objects, manifest);
  const same = before?.metadata?.resourceVersion === after.metadata?.resourceVersion;
  return same ? [] : [`${header.kind}/${name}`];
}

function isNotOnItsWayOut({ metadata }: V1Namespace): boolean {
  return metadata?.deletionTimestamp === undefined;
}
