import type { Kube } from '../api/client';
import { attempt, isConflict, isNotFound } from '../api/errors';
import { bindingsOf } from './namespaceManifests';
import { userNamespaces } from './userNamespaces';

/** How many namespaces are bound at the same time. */
const AT_ONCE = 8;

/**
 * Creates the RoleBindings that are missing in existing users' namespaces, such as those of a release that had
 * none. Their users may not submit anything for a long time, which would also create them.
 * @param selector label selector that limits which users are checked; all users when not given
 * @returns the namespaces in which one was missing
 */
export async function bindUserNamespaces(kube: Kube, selector?: string): Promise<string[]> {
  const left = await userNamespaces(kube, selector);
  const bound: string[] = [];
  const bindNext = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop())
      if (await bind(kube, next.userId)) bound.push(next.name);
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
