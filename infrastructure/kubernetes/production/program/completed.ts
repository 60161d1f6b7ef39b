import type { V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../../api/client';
import { attempt, isNotFound } from '../../api/errors';
import { namesOf, PROGRAM_CONTAINER, selectorOf } from '../names';

/** As sandbox/production-pod/entry.py says it, in the last line of a program that ended with 0. */
const COMPLETED = /^orchestration: program completed /m;

/** Whether the pod of a user's program, the only one that stays, says that the program has ended well. */
export async function hasCompleted(kube: Kube, userId: string): Promise<boolean> {
  const { namespace } = namesOf(userId);
  const { items } = await attempt(`list pods in ${namespace}`, () =>
    kube.core.listNamespacedPod({ namespace, labelSelector: selectorOf(userId, 'program') }),
  );
  const [pod, ...others] = items.filter(({ metadata }) => !metadata?.deletionTimestamp);
  if (pod === undefined || others.length > 0) return false;
  return COMPLETED.test(await lastLineOf(kube, pod));
}

async function lastLineOf(kube: Kube, { metadata }: V1Pod): Promise<string> {
  const { name = '', namespace = '' } = metadata ?? {};
  try {
    return await attempt(`read the log of ${name}`, () =>
      kube.core.readNamespacedPodLog({ name, namespace, container: PROGRAM_CONTAINER, tailLines: 1 }),
    );
  } catch (error) {
    if (isNotFound(error)) return '';
    throw error;
  }
}
