import type { ProgramReport, ProgramRequest } from '../../../../activities/ports';
import { apply } from '../../api/apply';
import type { Kube } from '../../api/client';
import { attemptToFind } from '../../api/errors';
import { namesOf } from '../names';
import { filesManifest, programDeployment, programOf, programService } from './manifests';
import { prepareNetwork } from './network';
import { programTemplate } from './podTemplate';
import { programIn, submissionOf } from '../provenance';
import { deletePods, failedPods } from './failedPods';
import { ensureIndexSecret } from './requirements';
import { deleteOldFiles } from './retention';
import type { ProductionSettings } from '../types';

/**
 * Applies a program: its files, its Service and its Deployment. Does not wait for the rollout. `previous` is
 * the program that was live before. It is stored on the Deployment, so that a repeated call returns the same.
 */
export async function applyProgram(
  kube: Kube,
  settings: ProductionSettings,
  { provenance, program: code }: ProgramRequest,
): Promise<ProgramReport> {
  const { userId } = provenance;
  const program = programOf(provenance, code);
  const filesObject = filesManifest(provenance, code);

  const [existing, network] = await Promise.all([
    readDeployment(kube, userId),
    prepareNetwork(kube, userId, settings, { installs: code.requirements.length > 0 }),
    apply(kube.objects, filesObject),
    apply(kube.objects, programService(provenance)),
    code.requirements.length > 0 && ensureIndexSecret(kube, userId, settings),
    // Evictions of an earlier rollout of the same submission say nothing about this one.
    failedPods(kube, userId).then((pods) => deletePods(kube, pods)),
  ]);
  const annotations = existing?.metadata?.annotations;
  const repeated = submissionOf(annotations) === program.submissionId;
  const previous = programIn(repeated ? 'previous' : 'live', annotations);

  const launch = {
    ...code,
    ...{ files: Object.keys(code.files), hasInput: code.given !== undefined, network },
  };
  const template = programTemplate(userId, program, launch, settings);
  await Promise.all([
    apply(kube.objects, programDeployment(userId, program, template, previous)),
    deleteOldFiles(kube, userId, [program, previous, programIn('live', annotations)]),
  ]);
  return { program, previous };
}

/** The user's Deployment, or null when there is none. */
export function readDeployment(kube: Kube, userId: string) {
  const { namespace, program: name } = namesOf(userId);
  return attemptToFind(`read Deployment/${name} in ${namespace}`, () =>
    kube.apps.readNamespacedDeployment({ namespace, name }),
  );
}
