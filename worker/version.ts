import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { Logger, WorkflowBundle } from '@temporalio/worker';
import type { Config } from '../infrastructure/config/config';
import { buildIdOf, obtainBundle } from './bundle';

/** Variables for the version of a worker, and for the path of prebuilt workflow bundles. */
export type VersionConfig = Config<'WORKER_DEPLOYMENT' | 'WORKER_BUILD_ID' | 'WORKFLOW_BUNDLE'>;

/** The workflows of a worker, and the version of their code. */
export interface VersionedBundle {
  workflowBundle: WorkflowBundle;
  buildId: string;
  /** Undefined if the worker belongs to no Worker Deployment. */
  version: WorkerDeploymentVersion | undefined;
}

/** Bundles the workflows, or reads a prebuilt bundle. */
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

/** The build id of workers with this workflow code, unless WORKER_BUILD_ID sets another one. */
export async function ownBuildId(
  { WORKFLOW_BUNDLE: made }: Config<'WORKFLOW_BUNDLE'>,
  logger: Logger,
): Promise<string> {
  return buildIdOf(await obtainBundle(made, { versioned: true }, logger));
}
