import type { Environments } from '../../../activities/ports';
import type { Kube } from '../api/client';
import { startReconciling } from './reconcileContext';
import { ensureNamespace } from './namespace';
import { removeNamespace } from './removeNamespace';
import { ENSURE_DEADLINE_MS } from './settings';
import type { EnvironmentSettings } from './settings';
import { ensureTestPod } from './testPod';
import { PlatformError } from '../api/errors';
import { withHeartbeats } from '../api/heartbeats';
import { planOf } from './userPlans';
import { namespaceOf } from '../testPod/names';

export type { EnvironmentSettings } from './settings';

/** Creates and repairs what a user needs before anything can run. Idempotent, also in concurrent calls. */
export function createEnvironments(kube: Kube, settings: EnvironmentSettings): Environments {
  return {
    async ensure(userId, context) {
      context.signal.throwIfAborted();
      const changed: string[] = [];
      const deadlineMs = settings.deadlineMs ?? ENSURE_DEADLINE_MS;
      const reconciling = startReconciling(kube, userId, context.signal, deadlineMs);
      try {
        return await withHeartbeats(context, { changed }, async () => {
          const [plan, runtime] = await Promise.all([
            planOf(kube, userId, settings.plans ?? {}),
            settings.findRuntime?.(),
          ]);
          const namespace = await ensureNamespace(reconciling, { ...settings, plan });
          changed.push(...namespace.changed);
          changed.push(
            ...(await ensureTestPod(reconciling, { ...settings, plan, runtime }, namespace.isNew)),
          );
          return { namespace: namespaceOf(userId), changed };
        });
      } catch (error) {
        throw isDeletedMeanwhile(error) ? asUnavailable(error) : error;
      }
    },

    remove: (userId, context) => removeNamespace(kube, userId, context),
  };
}

/** Whether something was deleted while the environment was being prepared. The remedy is to start again. */
function isDeletedMeanwhile(error: unknown): error is PlatformError {
  return error instanceof PlatformError && error.name === 'EnvironmentMissing';
}

function asUnavailable(error: PlatformError): PlatformError {
  return new PlatformError('Unavailable', error.message, {
    status: error.status,
    reason: error.reason,
    cause: error,
  });
}
