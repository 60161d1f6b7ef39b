import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { Logger, WorkflowBundle } from '@temporalio/worker';
import type { Config } from '../infrastructure/config/config';
import { buildIdOf, obtainBundle } from './bundle';

/** Variables that name the version of a worker, and where its workflows are when they were bundled before. */
export type VersionConfig = Config<'WORKER_DEPLOYMENT' | 'WORKER_BUILD_ID' | 'WORKFLOW_BUNDLE'>;

/** The workflows of a worker, and which version of their code it is. */
export interface VersionedBundle {
  workflowBundle: WorkflowBundle;
  buildId: string;
  /** Undefined when the worker is of no deployment. */
  version: WorkerDeploymentVersion | undefined;
}

/** Bundles the workflows, or reads the bundle that was made before. */
export async function versionedBundle(
  { WORKER_DEPLOYMENT: deploymentName, WORKER_BUILD_ID: named, WORKFLOW_BUNDLE: made }: VersionConfig,
  traced: boolean,
  logger: Logger,
): Promise<VersionedBundle> {
  const versioned = deploymentName !== undefined;
  const workflowBundle = await obtainBundle(made, { versioned, traced }, logger);
  if (!versioned) return { workflowBundle, buildId: named ?? buildIdOf(workflowBundle), version: undefined };
  const buildId = named ?? buildIdOf(await obtainBundle(made, { versioned }, logger));
  return { workflowBundle, buildId, version: { deploymentName, buildId } };
}

/** The build id that workers of this workflow code have, if WORKER_BUILD_ID gives them no other. */
export async function ownBuildId(
  { WORKFLOW_BUNDLE: made }: Config<'WORKFLOW_BUNDLE'>,
  logger: Logger,
): Promise<string> {
  return buildIdOf(await obtainBundle(made, { versioned: true }, logger));
}
