import type { V1Deployment } from '@kubernetes/client-node';
import type {
  CallContext,
  DeployedProgram,
  RollbackReport,
  RollbackRequest,
} from '../../../../activities/ports';
import { apply } from '../../api/apply';
import type { Kube } from '../../api/client';
import { PlatformError } from '../../api/errors';
import { deletePods, failedPods } from '../program/failedPods';
import { readDeployment } from '../program/program';
import { programDeployment } from '../program/manifests';
import { templateOf } from '../program/revision';
import { programIn, submissionOf } from '../provenance';
import { awaitRemoval, removeProgram, unlessChanged } from '../removal';
import { watchRollout } from './rollout';
import type { ProductionSettings } from '../types';

/**
 * Restores the program that was live before a failed one and waits for it, or removes the failed one if there
 * was none. Never changes a newer submission's program, or the database.
 * @throws PlatformError `Rejected` when the restored program does not become ready either,
 * `EnvironmentMissing` when something that it needs was deleted
 */
export async function rollBack(
  kube: Kube,
  settings: ProductionSettings,
  { userId, failed, previous, deadlineMs }: RollbackRequest,
  context: CallContext,
): Promise<RollbackReport> {
  for (;;) {
    context.signal.throwIfAborted();
    const deployment = await readDeployment(kube, userId);
    const current = submissionOf(deployment?.metadata?.annotations);
    const newer = current !== null && current !== failed.submissionId && current !== previous?.submissionId;
    if (newer) return { live: programIn('live', deployment?.metadata?.annotations) };

    if (previous === null) {
      if (deployment !== null && !(await removeProgram(kube, deployment))) continue;
      await awaitRemoval(kube, userId, 'program', deadlineMs, context);
      return { live: null };
    }
    const restored =
      current === previous.submissionId || (await restore(kube, settings, userId, previous, deployment));
    if (restored) return awaitRestored(kube, userId, previous, deadlineMs, context);
  }
}

/** @returns false when someone else changed the Deployment at the same time */
async function restore(
  kube: Kube,
  settings: ProductionSettings,
  userId: string,
  previous: DeployedProgram,
  deployment: V1Deployment | null,
): Promise<boolean> {
  await deletePods(kube, await failedPods(kube, userId));
  const template = await templateOf(kube, settings, userId, previous);
  const manifest = programDeployment(userId, previous, template, null);
  // Applied only if nothing changed since it was read: a program applied meanwhile is newer and stays.
  const { uid, resourceVersion } = deployment?.metadata ?? {};
  const guard = uid && resourceVersion ? { uid, resourceVersion } : {};
  return unlessChanged(() =>
    apply(kube.objects, { ...manifest, metadata: { ...manifest.metadata, ...guard } }),
  );
}

async function awaitRestored(
  kube: Kube,
  userId: string,
  previous: DeployedProgram,
  deadlineMs: number,
  context: CallContext,
): Promise<RollbackReport> {
  const end = await watchRollout(kube, userId, previous, deadlineMs, context);
  switch (end.outcome) {
    case 'live':
      return { live: previous };
    case 'superseded':
      return { live: programIn('live', end.deployment?.metadata?.annotations) };
    case 'failed':
      throw new PlatformError(
        end.problem.reason === 'removed' ? 'EnvironmentMissing' : 'Rejected',
        `Submission ${previous.submissionId} was restored but does not become ready: ${end.problem.message}`,
      );
  }
}
