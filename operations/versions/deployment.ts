import { temporal } from '@temporalio/proto';
import { requiredTsToMs } from '@temporalio/common/lib/time';
import type { Client } from '@temporalio/client';

/** Of a version of a Worker Deployment: what Temporal gives it to do. */
export type VersionState = 'inactive' | 'current' | 'ramping' | 'draining' | 'drained' | 'unknown';

export interface Version {
  build_id: string;
  /** `draining`: runs of it are open, and no new ones come; `drained`: its workers may go. */
  state: VersionState;
  created: string;
  /** Runs that stay with it. */
  open_runs: number;
}

const { WorkerDeploymentVersionStatus } = temporal.api.enums.v1;
const STATES: Partial<Record<number, VersionState>> = {
  [WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE]: 'inactive',
  [WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT]: 'current',
  [WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING]: 'ramping',
  [WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING]: 'draining',
  [WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED]: 'drained',
};

/** The versions that workers of a deployment have had. @throws Error of gRPC when there is no such deployment */
export async function versionsOf(client: Client, deploymentName: string): Promise<Version[]> {
  const { namespace } = client.options;
  const { workerDeploymentInfo } = await client.workflowService.describeWorkerDeployment({
    namespace,
    deploymentName,
  });
  return Promise.all(
    (workerDeploymentInfo?.versionSummaries ?? []).map(async ({ deploymentVersion, status, createTime }) => {
      const buildId = deploymentVersion?.buildId ?? '';
      return {
        build_id: buildId,
        state: STATES[status ?? 0] ?? 'unknown',
        created: new Date(requiredTsToMs(createTime, 'createTime')).toISOString(),
        open_runs: await openRuns(client, deploymentName, buildId),
      };
    }),
  );
}

/** Gives all new runs to a version. @throws Error of gRPC when no worker of it has ever polled */
export async function makeCurrent(client: Client, deploymentName: string, buildId: string): Promise<void> {
  const { namespace, identity } = client.options;
  await client.workflowService.setWorkerDeploymentCurrentVersion({
    namespace,
    deploymentName,
    buildId,
    identity,
  });
}

async function openRuns({ workflow }: Client, deploymentName: string, buildId: string): Promise<number> {
  const version = `TemporalWorkerDeploymentVersion = '${deploymentName}:${buildId}'`;
  const { count } = await workflow.count(`${version} AND ExecutionStatus = 'Running'`);
  return count;
}
