import type { V1PodTemplateSpec, V1ReplicaSet } from '@kubernetes/client-node';
import type { DeployedProgram } from '../../../../activities/ports';
import type { Kube } from '../../api/client';
import { attempt, attemptToFind, PlatformError } from '../../api/errors';
import { namesOf, selectorOf } from '../names';
import { prepareNetwork, withNetwork } from './network';
import { launchSpecOf } from './manifests';
import { programTemplate } from './podTemplate';
import { submissionOf } from '../provenance';
import type { ProductionSettings } from '../types';

/**
 * The pod template with which a program was live: restoring it finds its pods still running. If the revision
 * is no longer in the Deployment's history, the template is rebuilt from the program's files.
 * @throws PlatformError `EnvironmentMissing` when the files are gone too
 */
export async function templateOf(
  kube: Kube,
  settings: ProductionSettings,
  userId: string,
  program: DeployedProgram,
): Promise<V1PodTemplateSpec> {
  const template = await recorded(kube, userId, program);
  if (template === null) return rebuilt(kube, settings, userId, program);
  const installs = (template.spec?.initContainers ?? []).length > 0;
  return withNetwork(template, await prepareNetwork(kube, userId, settings, { installs }));
}

async function recorded(
  kube: Kube,
  userId: string,
  program: DeployedProgram,
): Promise<V1PodTemplateSpec | null> {
  const template = (await replicaSetsOf(kube, userId))
    .map(({ spec }) => spec?.template)
    .find((candidate) => submissionOf(candidate?.metadata?.annotations) === program.submissionId);
  if (template === undefined) return null;
  const { 'pod-template-hash': _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { labels, annotations: template.metadata?.annotations ?? {} } };
}

/** The ReplicaSets of a user's programs, one for each revision in the Deployment's history. */
export async function replicaSetsOf(kube: Kube, userId: string): Promise<V1ReplicaSet[]> {
  const { namespace } = namesOf(userId);
  const { items } = await attempt(`list ReplicaSets in ${namespace}`, () =>
    kube.apps.listNamespacedReplicaSet({ namespace, labelSelector: selectorOf(userId, 'program') }),
  );
  return items;
}

async function rebuilt(
  kube: Kube,
  settings: ProductionSettings,
  userId: string,
  program: DeployedProgram,
): Promise<V1PodTemplateSpec> {
  const { namespace } = namesOf(userId);
  const { configMap: name } = program;
  const files = await attemptToFind(`read ConfigMap/${name} in ${namespace}`, () =>
    kube.core.readNamespacedConfigMap({ namespace, name }),
  );
  const launch = files && launchSpecOf(files);
  if (launch === null)
    throw new PlatformError(
      'EnvironmentMissing',
      `Submission ${program.submissionId} cannot be restored from the cluster: its files in ConfigMap/${name} are gone.`,
    );
  const installs = launch.requirements.length > 0;
  const network = await prepareNetwork(kube, userId, settings, { installs });
  return programTemplate(userId, program, { ...launch, network }, settings);
}
