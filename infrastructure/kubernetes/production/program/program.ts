import type { CallContext, ProgramReport, ProgramRequest, Provenance } from '../../../../activities/ports';
import { apply, contains, isSame } from '../../api/apply';
import type { Kube } from '../../api/client';
import { attemptToFind } from '../../api/errors';
import { awaitApplied } from '../database/applied';
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
 *
 * The database may be applied at the same time. A new one and the program start side by side: the program's pod
 * waits for it. Until a change of an older one has ended, the program is not applied.
 */
export async function applyProgram(
  kube: Kube,
  settings: ProductionSettings,
  { provenance, program: code }: ProgramRequest,
  context: CallContext,
): Promise<ProgramReport> {
  const { userId } = provenance;
  const program = programOf(provenance, code);
  const filesObject = filesManifest(provenance, code);

  const [existing, { network, database }] = await Promise.all([
    readDeployment(kube, userId),
    awaitApplied(kube, settings, userId, context).then(async (database) => {
      const installs = code.requirements.length > 0;
      return { network: await prepareNetwork(kube, userId, settings, { installs }), database };
    }),
    apply(kube.objects, filesObject),
    ensureService(kube, provenance),
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
    databaseStarts: database === 'starts',
  };
  const template = programTemplate(userId, program, launch, settings);
  await Promise.all([
    apply(kube.objects, programDeployment(userId, program, template, previous)),
    deleteOldFiles(kube, userId, [program, previous, programIn('live', annotations)]),
  ]);
  return { program, previous };
}

/** Applies the Service, unless nothing about it has changed since an earlier deployment. */
async function ensureService(kube: Kube, provenance: Provenance): Promise<void> {
  const service = programService(provenance);
  const { name = '', namespace = '' } = service.metadata ?? {};
  const existing = await attemptToFind(`read Service/${name} in ${namespace}`, () =>
    kube.core.readNamespacedService({ namespace, name }),
  );
  const unchanged =
    isSame(existing?.spec?.selector, service.spec?.selector) &&
    contains(existing?.spec?.ports, service.spec?.ports) &&
    contains(existing?.metadata?.labels, service.metadata?.labels);
  if (!unchanged) await apply(kube.objects, service);
}

/** The user's Deployment, or null when there is none. */
export function readDeployment(kube: Kube, userId: string) {
  const { namespace, program: name } = namesOf(userId);
  return attemptToFind(`read Deployment/${name} in ${namespace}`, () =>
    kube.apps.readNamespacedDeployment({ namespace, name }),
  );
}
