import type { Context } from '@temporalio/activity';
import type { DataConverter, WorkerDeploymentVersion } from '@temporalio/common';
import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import { createActivities, type ActivityDependencies } from '../activities';
import type { Tracing } from '../infrastructure/telemetry/tracing';
import { ActivityMetrics } from './metrics/activityMetrics';
import type { WorkerMetrics } from './metrics/metrics';
import { PlatformFailures } from './platformFailures';
import { SlotShares } from './slotShares';
import { spansOfWorkflows, tracedActivities, workflowTracing } from './tracing';

export interface WorkerSettings {
  namespace: string;
  taskQueue: string;
  /**
   * Workflow code that was bundled before; without it, it is bundled now (about 2 s). Where tracing is on, it
   * must be a bundle for tracing.
   */
  workflowBundle?: WorkflowBundleOption;
  /** How payloads are encoded: the same as that of the clients. */
  dataConverter?: DataConverter;
  /** Default: nothing is traced. */
  tracing?: Tracing | null;
  /** Default: nothing is counted. */
  metrics?: WorkerMetrics;
  /** The version of a Worker Deployment that this is (docs/replay.md); default: none. */
  version?: WorkerDeploymentVersion | undefined;
}

/** Where the workflows are, for the bundler. */
export const workflowsPath = require.resolve('../workflows');

/**
 * How often a heartbeat reaches the server, at most. Cancellation comes back with it: the default of 60 s
 * would let a cancelled program run on for as long.
 */
const HEARTBEAT_INTERVAL = '1 s';

/** Time for activities to come to an end at shutdown; what does not is taken up by another worker. */
const SHUTDOWN_GRACE = '5 s';

/** Slots for activities. They wait on other servers, so that many fit into one process. */
const MAX_ACTIVITIES = 200;

/** Of these, how many one user may have at once. */
const MAX_ACTIVITIES_OF_A_USER = 50;

/** Makes a worker that runs `submitCode` and its activities. */
export async function createWorker(
  connection: NativeConnection,
  {
    namespace,
    taskQueue,
    workflowBundle,
    dataConverter = {},
    tracing = null,
    metrics,
    version,
  }: WorkerSettings,
  dependencies: ActivityDependencies,
): Promise<Worker> {
  const shares = new SlotShares(MAX_ACTIVITIES_OF_A_USER);
  return Worker.create({
    connection,
    namespace,
    taskQueue,
    dataConverter,
    ...(workflowBundle ? { workflowBundle } : { workflowsPath }),
    activities: createActivities(dependencies),
    interceptors: {
      workflowModules: tracing && !workflowBundle ? [workflowTracing] : [],
      activity: [
        ...(metrics ? [(context: Context) => ({ inbound: new ActivityMetrics(context, metrics) })] : []),
        ...(tracing ? [tracedActivities] : []),
        (context: Context) => ({ inbound: shares.interceptor(context) }),
        () => ({ inbound: new PlatformFailures() }),
      ],
    },
    ...(version && {
      workerDeploymentOptions: {
        version,
        useWorkerVersioning: true,
        defaultVersioningBehavior: 'PINNED',
      },
    }),
    ...(tracing && { sinks: spansOfWorkflows(tracing) }),
    maxConcurrentActivityTaskExecutions: MAX_ACTIVITIES,
    maxHeartbeatThrottleInterval: HEARTBEAT_INTERVAL,
    defaultHeartbeatThrottleInterval: HEARTBEAT_INTERVAL,
    shutdownGraceTime: SHUTDOWN_GRACE,
  });
}
