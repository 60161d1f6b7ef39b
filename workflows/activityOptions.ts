import {
  ActivityCancellationType,
  type ActivityOptions,
  type LocalActivityOptions,
} from '@temporalio/workflow';

/** Failures that a retry would only repeat; activities/ports.ts explains each. */
const FINAL = ['EnvironmentMissing', 'Rejected', 'TestPodBusy'];

/** A server that recovers is reached again within seconds; one that does not is tried twice a minute. */
const retry = {
  initialInterval: '500 ms',
  backoffCoefficient: 2,
  maximumInterval: '30 s',
  nonRetryableErrorTypes: FINAL,
};

/**
 * Timeouts of each activity. `startToClose` limits one attempt, `scheduleToClose` limits all attempts with
 * their pauses, and `heartbeat` detects a dead worker. Workflows always wait for a cancelled activity to end,
 * because the next step may have to undo what it did.
 */
export const activityOptions = {
  /** Creates namespace, quota and pod. The first pod on a node may pull an image. */
  prepareEnvironment: bounded('3 min', '10 min', '20 s'),

  /**
   * The longest run (RUN_WALL_SECONDS is at most 10 min), plus others ahead of it; most wait outside an
   * activity.
   */
  runTests: bounded('30 min', '1 h', '10 s'),

  /**
   * A local activity, so that a short run costs one workflow task. It ends within about a second
   * (activities/briefTests.ts); a worker that cannot keep to that ends it here.
   */
  runBriefTests: {
    startToCloseTimeout: '5 s',
    retry: { maximumAttempts: 1 },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  },

  /**
   * A local activity, so that a line of input costs one workflow task. It is retried until the run is over.
   * Longer pauses between retries use a timer, not that task.
   */
  feedInput: {
    startToCloseTimeout: '5 s',
    localRetryThreshold: '1 s',
    retry: { initialInterval: '200 ms', backoffCoefficient: 2, maximumInterval: '5 s' },
  },

  /**
   * A database that is not dropped in time is dropped later
   * (sandbox/production-pod/database/test-database.sh).
   */
  dropTestDatabase: bounded('90 s', '3 min', '90 s'),

  /** The first start of a database creates its volume and initialises it. */
  applyDatabase: bounded('5 min', '15 min', '20 s'),

  /** A few requests to the API server, nothing to wait for. */
  applyProgram: bounded('30 s', '10 min', '20 s'),

  /** A migration may run for ten minutes (migration.ts in infrastructure/kubernetes/production/migration). */
  runMigration: bounded('15 min', '1 h', '20 s'),

  /** Pods can be slow to stop, and volumes to be deleted. */
  remove: bounded('5 min', '1 h', '20 s'),

  /**
   * Dump and restore may take ten minutes each (upgrade.ts in infrastructure/kubernetes), and pods start in
   * between.
   */
  upgradeDatabase: bounded('40 min', '3 h', '20 s'),

  /** The answer is immediate, or the request is retried. */
  read: bounded('20 s', '5 min', '20 s'),

  /** ROLLOUT_SECONDS limits the rollout; this is the safety net. */
  awaitRollout: bounded('30 min', '1 h', '20 s'),

  /** Must outlast an outage of the API server: until it succeeds, users may reach the failed program. */
  rollBack: bounded('30 min', '24 h', '20 s'),

  /** Retried without limit, too. It may move 16 MiB of each stream. */
  storeOutput: {
    startToCloseTimeout: '10 min',
    heartbeatTimeout: '60 s',
    retry: { ...retry, nonRetryableErrorTypes: [] },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  },

  /**
   * Retried without limit, so no action is lost, however long Elasticsearch is down. It runs after the
   * verdict.
   */
  recordActions: {
    startToCloseTimeout: '30 s',
    retry: { ...retry, nonRetryableErrorTypes: [] },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  },
} satisfies Record<string, ActivityOptions | LocalActivityOptions>;

function bounded(startToClose: Duration, scheduleToClose: Duration, heartbeat: Duration): ActivityOptions {
  return {
    startToCloseTimeout: startToClose,
    scheduleToCloseTimeout: scheduleToClose,
    heartbeatTimeout: heartbeat,
    retry,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  };
}

type Duration = `${number} ${'s' | 'min' | 'h'}`;
