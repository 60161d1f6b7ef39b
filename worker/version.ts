import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { Logger, WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { Config } from '../infrastructure/config';
import { buildIdOf, bundleWorkflows } from './bundle';

/** Variables that name the version of a worker. */
export type VersionConfig = Config<'WORKER_DEPLOYMENT' | 'WORKER_BUILD_ID'>;

/** The workflows of a worker, and which version of their code it is. */
export interface VersionedBundle {
  workflowBundle: WorkflowBundleWithSourceMap;
  buildId: string;
  /** Undefined when the worker is of no deployment. */
  version: WorkerDeploymentVersion | undefined;
}

/** Bundles the workflows. */
export async function versionedBundle(
  { WORKER_DEPLOYMENT: deploymentName, WORKER_BUILD_ID: named }: VersionConfig,
  traced: boolean,
  logger: Logger,
): Promise<VersionedBundle> {
  const versioned = deploymentName !== undefined;
  const workflowBundle = await bundleWorkflows({ versioned, traced, logger });
  if (!versioned) return { workflowBundle, buildId: named ?? buildIdOf(workflowBundle), version: undefined };
  const buildId = named ?? (await ownBuildId(logger));
  return { workflowBundle, buildId, version: { deploymentName, buildId } };
}

/** The build id of the workflow code of this checkout. */
export async function ownBuildId(logger: Logger): Promise<string> {
  return buildIdOf(await bundleWorkflows({ versioned: true, logger }));
}
