import type { V1Deployment } from '@kubernetes/client-node';
import type { CallContext } from '../../../activities/ports';
import type { Kube } from '../api/client';
import { attemptToFind, isConflict } from '../api/errors';
import { waitUntilGone } from '../api/waiting';
import { namesOf, selectorOf, type Component } from './names';
import { readDeployment } from './program/program';

/** A database may take its grace period of one minute to stop. In milliseconds. */
const REMOVAL_DEADLINE_MS = 120_000;

/** Deletes the program's Deployment and waits until its pods are gone. Everything else stays. */
export async function stopProgram(kube: Kube, userId: string, context: CallContext): Promise<void> {
  for (;;) {
    const deployment = await readDeployment(kube, userId);
    if (deployment === null || (await removeProgram(kube, deployment))) break;
  }
  await awaitRemoval(kube, userId, 'program', REMOVAL_DEADLINE_MS, context);
}

/** Deletes the program with its files and its Service, and on request the database with all its rows. */
export async function removeProduction(
  kube: Kube,
  userId: string,
  what: { database: boolean },
  context: CallContext,
): Promise<void> {
  await stopProgram(kube, userId, context);
  const { namespace, program } = namesOf(userId);
  await removed('Service', program, namespace, () =>
    kube.core.deleteNamespacedService({ namespace, name: program }),
  );
  const labelSelector = selectorOf(userId, 'program-files');
  const files = await attemptToFind(`list ConfigMaps in ${namespace}`, () =>
    kube.core.listNamespacedConfigMap({ namespace, labelSelector }),
  );
  for (const { metadata: { name = '' } = {} } of files?.items ?? [])
    await removed('ConfigMap', name, namespace, () =>
      kube.core.deleteNamespacedConfigMap({ namespace, name }),
    );
  if (what.database) await removeDatabase(kube, userId, context);
}

async function removeDatabase(kube: Kube, userId: string, context: CallContext): Promise<void> {
  const { namespace, database: name } = namesOf(userId);
  const target = { namespace, name };
  await removed('StatefulSet', name, namespace, () => kube.apps.deleteNamespacedStatefulSet(target));
  await awaitRemoval(kube, userId, 'db', REMOVAL_DEADLINE_MS, context);
  const claim = `data-${name}-0`;
  await removed('PersistentVolumeClaim', claim, namespace, () =>
    kube.core.deleteNamespacedPersistentVolumeClaim({ namespace, name: claim }),
  );
  await removed('Service', name, namespace, () => kube.core.deleteNamespacedService(target));
  await removed('Secret', name, namespace, () => kube.core.deleteNamespacedSecret(target));
  // A database that is created before the old claim is gone would start with the old rows.
  await awaitClaimGone(kube, userId, claim, context);
}

async function awaitClaimGone(kube: Kube, userId: string, name: string, context: CallContext): Promise<void> {
  const { namespace } = namesOf(userId);
  await waitUntilGone(
    kube,
    `the end of ${name}`,
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      plural: 'persistentvolumeclaims',
      namespace,
      fieldSelector: `metadata.name=${name}`,
    },
    REMOVAL_DEADLINE_MS,
    context,
  );
}

/** Deletes one object; an object that does not exist counts as deleted. */
function removed(kind: string, name: string, namespace: string, call: () => Promise<unknown>) {
  return attemptToFind(`delete ${kind}/${name} in ${namespace}`, call);
}

/** @returns false when someone else changed the Deployment at the same time */
export async function removeProgram(kube: Kube, { metadata }: V1Deployment): Promise<boolean> {
  const { name = '', namespace = '', uid, resourceVersion } = metadata ?? {};
  const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
  return unlessChanged(() =>
    attemptToFind(`delete Deployment/${name} in ${namespace}`, () =>
      kube.apps.deleteNamespacedDeployment({
        name,
        namespace,
        body: { preconditions, propagationPolicy: 'Background' },
      }),
    ),
  );
}

/** Waits until no pod of a component is left. */
export async function awaitRemoval(
  kube: Kube,
  userId: string,
  component: Component,
  deadlineMs: number,
  context: CallContext,
): Promise<void> {
  const { namespace } = namesOf(userId);
  const labelSelector = selectorOf(userId, component);
  await waitUntilGone(
    kube,
    `the ${component} in ${namespace} to stop`,
    { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespace, labelSelector },
    deadlineMs,
    context,
  );
}

/** @returns false when the object has changed since it was read */
export async function unlessChanged(change: () => Promise<unknown>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}
