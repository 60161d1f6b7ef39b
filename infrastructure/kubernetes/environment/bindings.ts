import type { Kube } from '../api/client';
import { attempt, isConflict, isNotFound } from '../api/errors';
import { USER_NAMESPACES } from './labels';
import { bindingsOf } from './namespaceManifests';

/** How many namespaces are bound at the same time. */
const AT_ONCE = 8;

const USER_LABEL = 'orchestration-app/user';

/**
 * Creates the RoleBindings that are missing in existing users' namespaces, such as those of a release that had
 * none. Their users may not submit anything for a long time, which would also create them.
 * @param selector label selector that limits which users are checked; all users when not given
 * @returns the namespaces in which one was missing
 */
export async function bindUserNamespaces(kube: Kube, selector?: string): Promise<string[]> {
  const labelSelector = selector === undefined ? USER_NAMESPACES : `${USER_NAMESPACES},${selector}`;
  const { items } = await attempt('list namespaces of users', () =>
    kube.core.listNamespace({ labelSelector }),
  );
  const bound: string[] = [];
  const left = items.filter(({ metadata }) => !metadata?.deletionTimestamp);
  const bindNext = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop())
      if (await bind(kube, next.metadata?.labels?.[USER_LABEL] ?? '')) bound.push(next.metadata?.name ?? '');
  };
  await Promise.all(Array.from({ length: AT_ONCE }, bindNext));
  return bound.sort();
}

/** @returns whether a RoleBinding was missing */
async function bind(kube: Kube, userId: string): Promise<boolean> {
  let created = false;
  for (const manifest of bindingsOf(userId)) {
    const { name, namespace } = manifest.metadata ?? {};
    try {
      await attempt(`create RoleBinding/${name} in ${namespace}`, () =>
        kube.objects.create(manifest, undefined, undefined, 'orchestration-app'),
      );
      created = true;
    } catch (error) {
      // It exists, or the namespace was deleted meanwhile.
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
  return created;
}
