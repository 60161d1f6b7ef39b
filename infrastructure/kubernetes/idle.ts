import type { V1Deployment, V1ObjectMeta } from '@kubernetes/client-node';
import type { Kube } from './api/client';
import { attempt, attemptToFind, unlessChangedOrGone } from './api/errors';
import { userNamespaces, type UserNamespace } from './environment/userNamespaces';
import { hasCompleted } from './production/program/completed';
import { LIVE_SINCE_ANNOTATION } from './production/program/live';
import { scaleToZero } from './production/program/scaleToZero';
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

const TEST_PODS = 'app=test,app.kubernetes.io/managed-by=orchestration-app';
const PROGRAMS = 'app=prod,component=program';

/**
 * Removes idle test pods, and the pods of programs that have completed. The user's next submission creates
 * both again. A pod that is used at the same time is left alone, or created again by its submission.
 * @returns what was removed, such as `Pod/test-test`
 */
export async function sweepIdle(kube: Kube, settings: IdleSettings): Promise<string[]> {
  const { testPodMs, completedProgramMs, selector } = settings;
  const gone: string[] = [];
  // One user after the other: the worker may list nothing but namespaces in the whole cluster.
  for (const user of await userNamespaces(kube, selector)) {
    if (testPodMs !== null) gone.push(...(await sweepTestPods(kube, user, testPodMs, settings)));
    if (completedProgramMs !== null) gone.push(...(await sweepPrograms(kube, user, completedProgramMs)));
  }
  return gone;
}

async function sweepTestPods(
  kube: Kube,
  { name: namespace, userId }: UserNamespace,
  idleMs: number,
  { usedSince }: IdleSettings,
) {
  const since = new Date(Date.now() - idleMs);
  const pods = await attemptToFind(`list test pods in ${namespace}`, () =>
    kube.core.listNamespacedPod({ namespace, labelSelector: TEST_PODS }),
  );
  const gone: string[] = [];
  for (const { metadata } of pods?.items ?? []) {
    if (!isOlder(metadata, since) || (await usedSince(userId, since))) continue;
    const { name = '', uid = '' } = metadata ?? {};
    const deleted = await unlessChangedOrGone(() =>
      attempt(`delete Pod/${name}`, () =>
        kube.core.deleteNamespacedPod({ name, namespace, body: { preconditions: { uid } } }),
      ),
    );
    if (deleted) gone.push(`Pod/${name}`);
  }
  return gone;
}

async function sweepPrograms(kube: Kube, { name: namespace, userId }: UserNamespace, idleMs: number) {
  const since = new Date(Date.now() - idleMs);
  const programs = await attemptToFind(`list programs in ${namespace}`, () =>
    kube.apps.listNamespacedDeployment({ namespace, labelSelector: PROGRAMS }),
  );
  const gone: string[] = [];
  for (const deployment of programs?.items ?? [])
    if (isSettled(deployment, since) && (await hasCompleted(kube, userId)))
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

function isOlder(metadata: V1ObjectMeta | undefined, than: Date): boolean {
  return (
    metadata?.deletionTimestamp === undefined &&
    metadata?.creationTimestamp !== undefined &&
    metadata.creationTimestamp < than
  );
}
