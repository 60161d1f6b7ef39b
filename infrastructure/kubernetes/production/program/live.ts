import { PatchStrategy } from '@kubernetes/client-node';
import type { V1Deployment } from '@kubernetes/client-node';
import type { DeployedProgram } from '../../../../activities/ports';
import { FIELD_MANAGER } from '../../api/apply';
import type { Kube } from '../../api/client';
import { attempt, isConflict } from '../../api/errors';
import { programAnnotations } from '../provenance';

/** Owns the annotations `orchestration-app/live-*`, so that applying the next program leaves them in place. */
const LIVE_FIELD_MANAGER = `${FIELD_MANAGER}-live`;

/** When the live program became live, ISO 8601. */
export const LIVE_SINCE_ANNOTATION = 'orchestration-app/live-since';

/**
 * Records on the Deployment that its program is live: if the next one fails, this one is restored.
 * @param deployment as it was when the program was found live
 * @returns false when the Deployment has changed since then, and must be checked again
 */
export async function markLive(
  kube: Kube,
  deployment: V1Deployment,
  program: DeployedProgram,
): Promise<boolean> {
  const { name, namespace, uid, resourceVersion } = deployment.metadata ?? {};
  const mark = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      annotations: {
        ...programAnnotations('live', program),
        [LIVE_SINCE_ANNOTATION]: new Date().toISOString(),
      },
    },
  } as V1Deployment;
  try {
    await attempt(`mark ${name} as live`, () =>
      kube.objects.patch(mark, undefined, undefined, LIVE_FIELD_MANAGER, true, PatchStrategy.ServerSideApply),
    );
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}
