import { setTimeout as wait } from 'node:timers/promises';
import type { DeployedProgram } from '../../../../activities/ports';
import type { Kube } from '../../api/client';
import { attemptToFind, PlatformError } from '../../api/errors';
import { readStatefulSet } from '../database/state';
import { namesOf } from '../names';

/** Interval between checks, in milliseconds. */
const CHECK_MS = 3_000;

/**
 * Waits until an object is missing without which no pod of a program can start: Kubernetes waits for it to
 * return, and does not report it in the pod's status. @returns its name. @throws the signal's reason
 */
export async function waitForMissingDependency(
  kube: Kube,
  userId: string,
  program: DeployedProgram,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    // Most rollouts end before the first check.
    await wait(CHECK_MS, undefined, { signal });
    const missing = await missingOf(kube, userId, program).catch((error: unknown) => {
      if (error instanceof PlatformError && error.name === 'Unavailable') return null;
      throw error;
    });
    if (missing !== null) return missing;
  }
}

async function missingOf(kube: Kube, userId: string, { configMap }: DeployedProgram): Promise<string | null> {
  const { namespace, database } = namesOf(userId);
  const files = await attemptToFind(`read ConfigMap/${configMap} in ${namespace}`, () =>
    kube.core.readNamespacedConfigMap({ namespace, name: configMap }),
  );
  if (files === null) return `ConfigMap/${configMap}`;
  return (await readStatefulSet(kube, userId)) === null ? `StatefulSet/${database}` : null;
}
