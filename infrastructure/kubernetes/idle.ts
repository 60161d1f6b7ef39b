import { PatchStrategy, type V1Deployment, type V1ObjectMeta } from '@kubernetes/client-node';
import { FIELD_MANAGER } from './api/apply';
import type { Kube } from './api/client';
import { attempt, attemptToFind, isConflict, isNotFound } from './api/errors';
import { USER_NAMESPACES } from './environment/labels';
import { hasCompleted } from './production/program/completed';
import { LIVE_SINCE_ANNOTATION } from './production/program/live';
import { programIn } from './production/provenance';

export interface IdleSettings {
  /** A test pod is deleted after this time without a submission, in milliseconds; never when null. */
  testPodMs: number | null;
  /** How long the pod of a completed program stays, in milliseconds; forever when null. */
  completedProgramMs: number | null;
  /** Whether a submission of the user has been in progress since then. */
  usedSince: (userId: string, since: Date) => Promise<boolean>;
  /** Label selector that limits which users are checked; all users when not given. */
  selector?: string;
}

const USER_LABEL = 'orchestration-app/user';
const TEST_PODS = 'app=test,app.kubernetes.io/managed-by=orchestration-app';
const PROGRAMS = 'app=prod,component=program';

/**
 * Removes idle test pods, and the pods of programs that have completed. The user's next submission creates
 * both again. A pod that is used at the same time is left alone, or created again by its submission.
 * @returns what was removed, such as `Pod/test-test`
 */
export async function sweepIdle(kube: Kube, settings: IdleSettings): Promise<string[]> {
  const { testPodMs, completedProgramMs, selector } = settings;
  const labelSelector = selector === undefined ? USER_NAMESPACES : `${USER_NAMESPACES},${selector}`;
  const { items } = await attempt('list namespaces of users', () =>
    kube.core.listNamespace({ labelSelector }),
  );
  const gone: string[] = [];
  // One user after the other: the worker may list nothing but namespaces in the whole cluster.
  for (const { metadata } of items) {
    if (metadata?.name === undefined || metadata.deletionTimestamp) continue;
    const { name } = metadata;
    if (testPodMs !== null) gone.push(...(await sweepTestPods(kube, name, testPodMs, settings)));
    if (completedProgramMs !== null) gone.push(...(await sweepPrograms(kube, name, completedProgramMs)));
  }
  return gone;
}

async function sweepTestPods(kube: Kube, inNamespace: string, idleMs: number, { usedSince }: IdleSettings) {
  const since = new Date(Date.now() - idleMs);
  const pods = await attemptToFind(`list test pods in ${inNamespace}`, () =>
    kube.core.listNamespacedPod({ namespace: inNamespace, labelSelector: TEST_PODS }),
  );
  const gone: string[] = [];
  for (const { metadata } of pods?.items ?? []) {
    if (!isOlder(metadata, since) || (await usedSince(userOf(metadata), since))) continue;
    const { name = '', namespace = '', uid = '' } = metadata ?? {};
    const deleted = await unlessOther(() =>
      attempt(`delete Pod/${name}`, () =>
        kube.core.deleteNamespacedPod({ name, namespace, body: { preconditions: { uid } } }),
      ),
    );
    if (deleted) gone.push(`Pod/${name}`);
  }
  return gone;
}

async function sweepPrograms(kube: Kube, namespace: string, idleMs: number) {
  const since = new Date(Date.now() - idleMs);
  const programs = await attemptToFind(`list programs in ${namespace}`, () =>
    kube.apps.listNamespacedDeployment({ namespace, labelSelector: PROGRAMS }),
  );
  const gone: string[] = [];
  for (const deployment of programs?.items ?? [])
    if (isSettled(deployment, since) && (await hasCompleted(kube, userOf(deployment.metadata))))
      if (await scaleToZero(kube, deployment)) gone.push(`Deployment/${deployment.metadata?.name}`);
  return gone;
}

/** Whether the program that the Deployment specifies is live, and has been since before a time. */
function isSettled({ metadata, spec, status }: V1Deployment, since: Date): boolean {
  const annotations = metadata?.annotations;
  const liveSince = annotations?.[LIVE_SINCE_ANNOTATION];
  return (
    liveSince !== undefined &&
    new Date(liveSince) < since &&
    programIn('current', annotations)?.runId === programIn('live', annotations)?.runId &&
    spec?.replicas === 1 &&
    status?.availableReplicas === 1
  );
}

/** Scales to zero, until the next program is applied. @returns false when it was changed meanwhile */
function scaleToZero(kube: Kube, { metadata }: V1Deployment): Promise<boolean> {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  const patch = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, uid, resourceVersion },
    spec: { replicas: 0 },
  } as V1Deployment;
  return unlessOther(() =>
    attempt(`scale Deployment/${name} to 0`, () =>
      kube.objects.patch(
        patch,
        undefined,
        undefined,
        `${FIELD_MANAGER}-idle`,
        undefined,
        PatchStrategy.MergePatch,
      ),
    ),
  );
}

/** @returns false when the object was changed or deleted meanwhile */
async function unlessOther(change: () => Promise<unknown>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return false;
    throw error;
  }
}

function isOlder(metadata: V1ObjectMeta | undefined, than: Date): boolean {
  return (
    metadata?.deletionTimestamp === undefined &&
    metadata?.creationTimestamp !== undefined &&
    metadata.creationTimestamp < than
  );
}

function userOf(metadata: V1ObjectMeta | undefined): string {
  return metadata?.labels?.[USER_LABEL] ?? '';
}
