import { temporal } from '@temporalio/proto';
import { requiredTsToMs } from '@temporalio/common/lib/time';
import type { Client } from '@temporalio/client';

/** The state of a Worker Deployment version: which runs Temporal assigns to it. */
export type VersionState = 'inactive' | 'current' | 'ramping' | 'draining' | 'drained' | 'unknown';

export interface Version {
  build_id: string;
  /** `draining`: it has open runs but gets no new ones. `drained`: its workers can be removed. */
  state: VersionState;
  created: string;
  /** The number of open runs of this version. */
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

/** All versions of a Worker Deployment. @throws Error of gRPC if there is no such deployment */
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

/** Assigns all new runs to a version. @throws Error of gRPC if no worker with it has ever polled */
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
