import type { V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../../api/client';
import { attempt, isNotFound } from '../../api/errors';
import { namesOf, PROGRAM_CONTAINER, selectorOf } from '../names';

/** What sandbox/production-pod/entry.py prints as the last line of a program that exited with 0. */
const COMPLETED = /^orchestration: program completed /m;

/** Whether a user's program has completed successfully, according to the log of its only remaining pod. */
export async function hasCompleted(kube: Kube, userId: string): Promise<boolean> {
  const { namespace } = namesOf(userId);
  const { items } = await attempt(`list pods in ${namespace}`, () =>
    kube.core.listNamespacedPod({ namespace, labelSelector: selectorOf(userId, 'program') }),
  );
  const [pod, ...others] = items.filter(
    ({ metadata, status }) => !metadata?.deletionTimestamp && status?.phase !== 'Failed',
  );
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
