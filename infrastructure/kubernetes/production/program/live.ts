import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import type { V1Deployment } from '@kubernetes/client-node';
import type { DeployedProgram } from '../../../../activities/ports';
import { FIELD_MANAGER } from '../../api/apply';
import type { Kube } from '../../api/client';
import { attempt, isNotFound, PlatformError } from '../../api/errors';
import { programAnnotations } from '../provenance';

/** Owns the annotations `orchestration-app/live-*`, so that applying the next program leaves them in place. */
const LIVE_FIELD_MANAGER = `${FIELD_MANAGER}-live`;

/** When the live program became live, ISO 8601. */
export const LIVE_SINCE_ANNOTATION = 'orchestration-app/live-since';

/**
 * Records on the Deployment that its program is live: if the next one fails, this one is restored.
 * @param deployment as it was when the program was found live
 * @returns false when it no longer is the Deployment of this program, and must be checked again
 */
export async function markLive(
  kube: Kube,
  deployment: V1Deployment,
  program: DeployedProgram,
): Promise<boolean> {
  const { name = '', namespace = '', uid } = deployment.metadata ?? {};
  const annotations = {
    ...programAnnotations('live', program),
    [LIVE_SINCE_ANNOTATION]: new Date().toISOString(),
  };
  // Conditional on what it specifies: its status changes all the time during a rollout.
  const patch = [
    { op: 'test', path: '/metadata/uid', value: uid },
    ...operations('test', programAnnotations('current', program)),
    ...operations('add', annotations),
  ];
  try {
    await attempt(`mark ${name} as live`, () =>
      kube.apps.patchNamespacedDeployment(
        { name, namespace, body: patch, fieldManager: LIVE_FIELD_MANAGER },
        setHeaderOptions('Content-Type', PatchStrategy.JsonPatch),
      ),
    );
    return true;
  } catch (error) {
    if (isNotFound(error) || isRefusedPatch(error)) return false;
    throw error;
  }
}

function operations(op: 'test' | 'add', annotations: Record<string, string>) {
  return Object.entries(annotations).map(([key, value]) => {
    const escaped = key.replaceAll('~', '~0').replaceAll('/', '~1');
    return { op, path: `/metadata/annotations/${escaped}`, value };
  });
}

/** A test of the patch failed. */
function isRefusedPatch(error: unknown): boolean {
  return error instanceof PlatformError && error.status === 422;
}
