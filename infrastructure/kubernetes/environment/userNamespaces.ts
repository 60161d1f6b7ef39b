import type { Kube } from '../api/client';
import { attempt } from '../api/errors';
import { USER_LABEL, USER_NAMESPACES } from './labels';

/** A user's namespace. */
export interface UserNamespace {
  name: string;
  userId: string;
}

/**
 * The users' namespaces that are not being deleted.
 * @param selector label selector that limits them further; all when not given
 */
export async function userNamespaces(kube: Kube, selector?: string): Promise<UserNamespace[]> {
  const labelSelector = selector === undefined ? USER_NAMESPACES : `${USER_NAMESPACES},${selector}`;
  const { items } = await attempt('list namespaces of users', () =>
    kube.core.listNamespace({ labelSelector }),
  );
  return items
    .filter(({ metadata }) => !metadata?.deletionTimestamp)
    .map(({ metadata }) => ({ name: metadata?.name ?? '', userId: metadata?.labels?.[USER_LABEL] ?? '' }));
}
