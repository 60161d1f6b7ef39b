import type { Context } from '@temporalio/activity';
import type { DataConverter, WorkerDeploymentVersion } from '@temporalio/common';
import {
  Worker,
  type InjectedSinks,
  type NativeConnection,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import { createActivities, type ActivityDependencies } from '../activities';
import type { Execution } from '../infrastructure/temporal/closedWorkflows';
import type { Tracing } from '../infrastructure/telemetry/tracing';
import type { RecordingSinks } from '../workflows/recording';
import { ActivityMetrics } from './metrics/activityMetrics';
import type { WorkerMetrics } from './metrics/metrics';
import { PlatformFailures } from './platformFailures';
import { SlotShares } from './slotShares';
import { spansOfWorkflows, tracedActivities, workflowTracing } from './tracing';

export interface WorkerSettings {
  namespace: string;
  taskQueue: string;
  /**
   * A prebuilt bundle of the workflow code; default: it is bundled now (about 2 s). With tracing, it must be
   * a bundle for tracing.
   */
  workflowBundle?: WorkflowBundleOption;
  /** How payloads are encoded. It must match the clients' converter. */
  dataConverter?: DataConverter;
  /** Default: no tracing. */
  tracing?: Tracing | null;
  /** Default: no metrics. */
  metrics?: WorkerMetrics;
  /** Called when a workflow that is recorded in the log is about to end. */
  onEnded?: (execution: Execution) => void;
  /** The Worker Deployment version of this worker (docs/replay.md); default: none. */
  version?: WorkerDeploymentVersion | undefined;
}

/** The path of the workflows, for the bundler. */
export const workflowsPath = require.resolve('../workflows');

/**
 * The longest time between heartbeats to the server. A cancellation arrives with the response to a heartbeat,
 * so with the default of 60 s a cancelled program would keep running for up to that long.
 */
const HEARTBEAT_INTERVAL = '1 s';

/** How long activities may take to end at shutdown. Another worker takes over those that do not. */
const SHUTDOWN_GRACE = '5 s';

/** Slots for activities. They mostly wait for other servers, so many fit into one process. */
const MAX_ACTIVITIES = 200;

/** The most slots that one user may occupy. */
const MAX_ACTIVITIES_OF_A_USER = 50;

/** Slots for workflow tasks, each of which may stay open for about a second (activities/briefTests.ts). */
const MAX_WORKFLOW_TASKS = 200;

/** Creates a worker that runs `submitCode` and its activities. */
export async function createWorker(
  connection: NativeConnection,
  {
    namespace,
    taskQueue,
    workflowBundle,
    dataConverter = {},
    tracing = null,
    metrics,
    onEnded,
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
    sinks: {
      ...(tracing && spansOfWorkflows(tracing)),
      recording: { ended: { fn: ({ workflowId, runId }) => onEnded?.({ workflowId, runId }) } },
    } satisfies InjectedSinks<RecordingSinks>,
    maxConcurrentActivityTaskExecutions: MAX_ACTIVITIES,
    maxConcurrentLocalActivityExecutions: MAX_WORKFLOW_TASKS,
    maxConcurrentWorkflowTaskExecutions: MAX_WORKFLOW_TASKS,
    maxHeartbeatThrottleInterval: HEARTBEAT_INTERVAL,
    defaultHeartbeatThrottleInterval: HEARTBEAT_INTERVAL,
    shutdownGraceTime: SHUTDOWN_GRACE,
  });
}
