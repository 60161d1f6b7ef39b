import type { V1Pod } from '@kubernetes/client-node';
import { attempt, isConflict, isNotFound, PlatformError } from '../api/errors';
import { GracePeriod } from '../pods/gracePeriod';
import type { Problem } from '../pods/problem';
import { hasStarted } from '../pods/started';
import { namespaceOf, testPodOf } from '../testPod/names';
import { waitFor } from '../api/waiting';
import type { ReconcileContext } from './reconcileContext';
import { requiredAction } from './reconcile';
import { SPEC_ANNOTATION, testPod } from './testPodManifest';
import type { UserSettings } from './settings';

/** An existing pod that is not ready after this time, in milliseconds, is replaced, once per call. */
const EXISTING_POD_GRACE_MS = 45_000;

/** A terminating pod that remains after this time, in milliseconds, was on a lost node: deleted by force. */
const DELETION_GRACE_MS = 30_000;

/**
 * Creates or replaces the test pod if necessary, and waits until it is ready.
 * @param isNew whether the namespace is new, so that there is none
 * @returns what was changed
 */
export async function ensureTestPod(
  context: ReconcileContext,
  settings: UserSettings,
  isNew: boolean,
): Promise<string[]> {
  const manifest = testPod(context.userId, settings);
  const name = `Pod/${testPodOf(context.userId)}`;
  if (isNew) await create(context, manifest);
  let ours = isNew;
  for (;;) {
    const action = await nextAction(context, manifest, ours);
    switch (action.do) {
      case 'finish':
        return ours ? [name] : [];
      case 'create':
        await create(context, manifest);
        ours = true;
        break;
      case 'delete':
        await remove(context, action.pod, action.gracePeriodSeconds);
        break;
    }
  }
}

type Action = { do: 'create' } | { do: 'finish' } | { do: 'delete'; pod: V1Pod; gracePeriodSeconds?: number };

/**
 * Watches the pod until an action is required.
 * @param ours whether this call created the pod: if it cannot become ready, that is final, while an older pod
 * may only need to be replaced
 * @throws PlatformError with the problem that prevents the pod from becoming ready
 */
async function nextAction(context: ReconcileContext, manifest: V1Pod, ours: boolean): Promise<Action> {
  const { kube, userId, signal, timeLeft } = context;
  const spec = manifest.metadata?.annotations?.[SPEC_ANNOTATION];
  const gracePeriod = new GracePeriod();
  const began = performance.now();
  let lastProblem: Problem | null = null;

  const check = ({ pods }: { pods: V1Pod[] }): Action | undefined => {
    const pod = pods[0] ?? null;
    const step = requiredAction(pod, spec);
    if (step.do === 'create') return { do: 'create' };
    if (step.do === 'nothing') return { do: 'finish' };
    if (pod === null) return undefined;
    if (ours && step.do === 'wait' && step.for === 'ready' && hasStarted(pod)) return { do: 'finish' };
    if (step.do === 'replace') return { do: 'delete', pod };
    const waited = performance.now() - began;
    if (step.for === 'deletion')
      return waited > DELETION_GRACE_MS ? { do: 'delete', pod, gracePeriodSeconds: 0 } : undefined;
    lastProblem = step.problem;
    if (step.problem !== null && gracePeriod.isOver(step.problem)) {
      if (ours || step.problem.reason === 'unschedulable') throw failureOf(step.problem);
      return { do: 'delete', pod };
    }
    return !ours && waited > EXISTING_POD_GRACE_MS ? { do: 'delete', pod } : undefined;
  };

  const name = testPodOf(userId);
  const action = await waitFor<{ pods: V1Pod[] }, Action>(kube, {
    collections: {
      pods: {
        apiVersion: 'v1',
        kind: 'Pod',
        plural: 'pods',
        namespace: namespaceOf(userId),
        fieldSelector: `metadata.name=${name}`,
      },
    },
    check,
    deadlineMs: timeLeft(),
    signal,
  });
  if (action !== null) return action;
  const why = (lastProblem as Problem | null)?.message ?? 'Kubernetes names no reason';
  throw new PlatformError('Unavailable', `The pod ${name} did not become ready in time: ${why}.`);
}

/** Missing capacity may become available; other problems remain until someone fixes them. */
function failureOf({ reason, message }: Problem): PlatformError {
  return new PlatformError(reason === 'unschedulable' ? 'Unavailable' : 'Rejected', message, { reason });
}

async function create({ kube, userId }: ReconcileContext, manifest: V1Pod): Promise<void> {
  const namespace = namespaceOf(userId);
  try {
    await attempt(`create Pod/${testPodOf(userId)} in ${namespace}`, () =>
      kube.core.createNamespacedPod({ namespace, body: manifest, fieldManager: 'orchestration-app' }),
    );
  } catch (error) {
    // Another worker was faster. Its pod is equally good, or will be replaced.
    if (!isConflict(error)) throw error;
  }
}

/** Deletes exactly this pod, and no later one with the same name. */
async function remove({ kube }: ReconcileContext, pod: V1Pod, gracePeriodSeconds?: number): Promise<void> {
  const { name = '', namespace = '', uid } = pod.metadata ?? {};
  const preconditions = uid === undefined ? {} : { preconditions: { uid } };
  const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
  try {
    await attempt(`delete Pod/${name} in ${namespace}`, () =>
      kube.core.deleteNamespacedPod({ name, namespace, body: { ...preconditions, ...grace } }),
    );
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
