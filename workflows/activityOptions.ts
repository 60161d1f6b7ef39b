import {
  ActivityCancellationType,
  type ActivityOptions,
  type LocalActivityOptions,
} from '@temporalio/workflow';

/** Failures that come back the same however often one asks; activities/ports.ts says what each means. */
const FINAL = ['EnvironmentMissing', 'Rejected', 'TestPodBusy'];

/** A server that comes back is met within seconds; one that does not is asked twice a minute. */
const retry = {
  initialInterval: '500 ms',
  backoffCoefficient: 2,
  maximumInterval: '30 s',
  nonRetryableErrorTypes: FINAL,
};

/**
 * Timeouts of each activity. `startToClose` bounds one attempt, `scheduleToClose` all of them with their
 * pauses, `heartbeat` finds a dead worker. Cancellation is waited for everywhere: what an activity does is
 * not over before it says so, and what follows may have to undo it.
 */
export const activityOptions = {
  /** Namespace, quota and pod; the first pod on a node may pull an image. */
  prepareEnvironment: bounded('3 min', '10 min', '20 s'),

  /** The longest run (RUN_WALL_SECONDS is at most 10 min) after others in the same pod; most wait in no activity. */
  runTests: bounded('30 min', '1 h', '10 s'),

  /**
   * Local, so that a line of input costs one task of the workflow. Tried again until the run is over; what takes longer
   * than a moment waits on a timer, not in that task.
   */
  feedInput: {
    startToCloseTimeout: '5 s',
    localRetryThreshold: '1 s',
    retry: { initialInterval: '200 ms', backoffCoefficient: 2, maximumInterval: '5 s' },
  },

  /** What is not dropped then goes with a later one (test-database.sh in sandbox/production-pod/database). */
  dropTestDatabase: bounded('90 s', '3 min', '90 s'),

  /** The first start of a database makes its volume and initialises it. */
  applyDatabase: bounded('5 min', '15 min', '20 s'),

  /** A few requests to the API server, nothing to wait for. */
  applyProgram: bounded('30 s', '10 min', '20 s'),

  /** A migration may run for ten minutes (migration.ts in infrastructure/kubernetes/production/production). */
  runMigration: bounded('15 min', '1 h', '20 s'),

  /** Pods that take their time to stop, and volumes to go. */
  remove: bounded('5 min', '1 h', '20 s'),

  /** Both moves of all data have ten minutes (upgrade.ts in infrastructure/kubernetes), and pods start in between. */
  upgradeDatabase: bounded('40 min', '3 h', '20 s'),

  /** Answered at once, or asked again. */
  read: bounded('20 s', '5 min', '20 s'),

  /** ROLLOUT_SECONDS decides; this is the net under it. */
  awaitRollout: bounded('30 min', '1 h', '20 s'),

  /** Must outlast an outage of the API server: until it is done, a failed program may be what users reach. */
  rollBack: bounded('30 min', '24 h', '20 s'),

  /** Has no end either; it may have 16 MiB of each stream to move. */
  storeOutput: {
    startToCloseTimeout: '10 min',
    heartbeatTimeout: '60 s',
    retry: { ...retry, nonRetryableErrorTypes: [] },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  },

  /** Has no end: an outage of Elasticsearch, however long, loses no action. It comes after the verdict. */
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
