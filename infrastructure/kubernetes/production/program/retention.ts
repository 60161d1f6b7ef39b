import type { V1ConfigMap } from '@kubernetes/client-node';
import type { DeployedProgram } from '../../../../activities/ports';
import type { Kube } from '../../api/client';
import { attempt, attemptToFind } from '../../api/errors';
import { namesOf, selectorOf } from '../names';

/** How many programs can be restored by a rollback: the ConfigMaps with their files are kept. */
const HISTORY = 10;

/** Deletes the files of old programs, except those in use. */
export async function deleteOldFiles(
  kube: Kube,
  userId: string,
  inUse: (DeployedProgram | null)[],
): Promise<void> {
  const { namespace } = namesOf(userId);
  const { items } = await attempt(`list ConfigMaps in ${namespace}`, () =>
    kube.core.listNamespacedConfigMap({ namespace, labelSelector: selectorOf(userId, 'program-files') }),
  );
  const needed = new Set(inUse.map((program) => program?.configMap));
  await Promise.all(
    filesToDelete(items, needed).map((name) =>
      attemptToFind(`delete ConfigMap/${name} in ${namespace}`, () =>
        kube.core.deleteNamespacedConfigMap({ namespace, name }),
      ),
    ),
  );
}

/** @returns the names of ConfigMaps that are neither needed nor among the newest */
export function filesToDelete(
  configMaps: V1ConfigMap[],
  needed: ReadonlySet<string | undefined>,
  history = HISTORY,
): string[] {
  const newestFirst = [...configMaps].sort((one, other) => createdAt(other) - createdAt(one));
  return newestFirst
    .slice(history)
    .map((configMap) => configMap.metadata?.name ?? '')
    .filter((name) => !needed.has(name));
}

function createdAt({ metadata }: V1ConfigMap): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}
