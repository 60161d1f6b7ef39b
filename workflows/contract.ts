/**
 * The contract between the workflow and its clients: names, input, result and stages. It is public: running
 * workflows and older gateways must keep working after any change here.
 */
import type {
  DeployedProgram,
  LiveReport,
  MigrationReport,
  PlatformFailure,
  Program,
  RolloutReport,
  RunInput,
  RunLimits,
  Tests,
} from '../activities/ports';
import type { Deferred } from '../activities/deferral';
import type { Step, StepReport, TestCounts, TestReport, UnfinishedTests } from '../activities/testReport';

export type {
  DeployedProgram,
  LiveReport,
  MigrationReport,
  Program,
  RolloutReport,
  RunInput,
  RunLimits,
  TestCase,
  Tests,
} from '../activities/ports';
export type { Deferred } from '../activities/deferral';
export type { Step, StepReport, TestReport, TestResult } from '../activities/testReport';

/** The workflow type, as shown in the Temporal Web UI. */
export const SUBMIT_CODE = 'submitCode';

/** The default task queue of this platform's workers. */
export const DEFAULT_TASK_QUEUE = 'submissions';

/** Custom search attributes of every submission, all of type Keyword. */
export const SEARCH_ATTRIBUTES = {
  userId: 'UserId',
  status: 'SubmissionStatus',
  codeDigest: 'CodeDigest',
} as const;

/** The steps that are executed in a test pod, in order. */
export const STEPS = ['install', 'run', 'tests'] as const satisfies readonly Step[];

/** Key in the workflow's memo for the verdict. It is set as soon as the verdict is final. */
export const VERDICT_MEMO = 'verdict';

/**
 * Key in the memo for the SHA-256 of the whole request: a repeated request with other content is a conflict.
 */
export const CONTENT_DIGEST_MEMO = 'content_digest';

const SUBMISSION_PREFIX = 'submission-';

/** The workflow id of a submission that was sent with an admin key. A repeat finds the same workflow. */
export const workflowIdOf = (submissionId: string): string => `${SUBMISSION_PREFIX}${submissionId}`;

/**
 * The workflow id of a submission that was sent with a user's key. Each user has ids of their own: users who
 * choose the same id get separate workflows. Older gateways used {@link workflowIdOf} for every submission.
 */
export const userWorkflowIdOf = (userId: string, submissionId: string): string =>
  `${workflowIdOf(submissionId)}.${userId}`;

/** The id of the submission whose workflow has this id; null if it is not the workflow of a submission. */
export function submissionIdIn(workflowId: string): string | null {
  if (!workflowId.startsWith(SUBMISSION_PREFIX)) return null;
  return workflowId.slice(SUBMISSION_PREFIX.length).split('.', 1)[0] ?? null;
}

/** A DNS label of 1 to 40 characters, short enough that `user-<user_id>` and the names of pods are valid. */
export const USER_ID = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/** The namespace of a user. */
export const namespaceOf = (userId: string): string => `user-${userId}`;

/** The stage of each activity, in the order in which the stages of a submission can occur. */
export const STAGE_OF_ACTIVITY = {
  prepareEnvironment: 'prepare_environment',
  prepareTestDatabase: 'prepare_test_database',
  runTests: 'run_tests',
  dropTestDatabase: 'drop_test_database',
  applyDatabase: 'apply_database',
  runMigration: 'migrate',
  applyProgram: 'apply_program',
  awaitRollout: 'await_rollout',
  rollBack: 'roll_back',
  recordActions: 'record_actions',
} as const;

/**
 * The local activity with which `run_tests` begins, if {@link hasBriefTests}: tests that end within about a
 * second cost no activity task. The stage begins with the event `WorkflowTaskStarted` of the first workflow
 * task, and ends with the marker of the local activity. If its result {@link isUnfinished}, the stage goes on
 * with the activity `runTests`.
 */
export const BRIEF_TESTS = 'runBriefTests';

/** Whether the tests of a submission may be brief. Others need something first, or take seconds. */
export function hasBriefTests(input: Partial<SubmitCodeInput> | undefined): boolean {
  if (!input?.program || input.testDatabase || input.input?.interactive || input.production) return false;
  return input.program.requirements.length === 0;
}

/** Whether this is the result of brief tests that did not end, or did not begin. */
export function isUnfinished(result: unknown): result is UnfinishedTests {
  return typeof result === 'object' && result !== null && 'unfinished' in result;
}

/**
 * The one stage that is not an activity: a submission that passed its tests waits for its turn to change its
 * user's production. In the history, it begins with the first signal that the submission sends
 * (`SignalExternalWorkflowExecutionInitiated` with {@link CLAIM_TURN_SIGNAL}) and ends with the signal that
 * it receives (`WorkflowExecutionSignaled` with {@link TURN_SIGNAL}).
 */
export const AWAIT_TURN = 'await_turn';
export const CLAIM_TURN_SIGNAL = 'claimTurn';
export const TURN_SIGNAL = 'turn';
export const LEAVE_TURN_SIGNAL = 'leaveTurn';

/** The workflow type of one user's deploy queue, and the query for its state. */
export const PRODUCTION_ORDER = 'productionOrder';
export const ORDER_QUERY = 'order';

/** The workflow id of a user's deploy queue. Each task queue has its own. */
export const orderIdOf = (taskQueue: string, userId: string): string => `order-${taskQueue}-${userId}`;

/** The workflow type of one user's test queue, and the query for its state. */
export const TEST_QUEUE = 'testQueue';
export const TEST_QUEUE_QUERY = 'testQueue';

/** The workflow id of a user's test queue. */
export const testQueueIdOf = (taskQueue: string, userId: string): string => `tests-${taskQueue}-${userId}`;

/**
 * The failure type of `runTests` when other runs of the same user come first. Nothing was run: the submission
 * waits for its turn and then runs its tests.
 */
export const TEST_POD_BUSY: PlatformFailure = 'TestPodBusy';

/** Signal sent to a submission before it is cancelled. Its argument is the id of the key that requests it. */
export const CANCEL_REQUESTED_SIGNAL = 'cancelRequested';

/** Update with which a client sends more input to an interactive submission. */
export const INPUT_UPDATE = 'input';

/** Failure types with which {@link INPUT_UPDATE} is rejected. */
export const INPUT_REFUSALS = {
  notInteractive: 'NotInteractive',
  over: 'InputOver',
  conflict: 'InputConflict',
  tooMuch: 'TooMuchInput',
} as const;

/**
 * Limits of the input that a submission can get while it runs. All of it is stored in the workflow's history.
 */
export const INPUT_LIMITS = {
  /** Size of one piece, in bytes. */
  pieceBytes: 65_536,
  /** Size of all pieces together, in bytes. */
  bytes: 1_048_576,
  /** Number of pieces. A workflow accepts at most 2,000 updates. */
  pieces: 1_000,
} as const;

/** More input for a submission. */
export interface InputPiece {
  /** Its position in the input sent so far; null appends it. A piece that was already received is ignored. */
  offset: number | null;
  /** The bytes in base64, and how many there are. */
  data: string;
  bytes: number;
  /** Whether it is the last piece. */
  eof: boolean;
}

/** How much input was received so far. */
export interface InputState {
  received: number;
  eof: boolean;
}

/** Whether an activity did nothing, because the user's environment must be prepared first. */
export function isDeferred(result: unknown): result is Deferred {
  return typeof result === 'object' && result !== null && 'deferred' in result;
}

export type ActivityName = keyof typeof STAGE_OF_ACTIVITY;
export type Stage = (typeof STAGE_OF_ACTIVITY)[ActivityName] | typeof AWAIT_TURN;

/** How a submission can end. Every other list of statuses is derived from this one. */
export const FINAL_STATUSES = [
  'deployed',
  'tests_passed',
  'tests_failed',
  'deploy_failed',
  'superseded',
  'cancelled',
  'internal_error',
] as const;
export type FinalStatus = (typeof FINAL_STATUSES)[number];

/** `running` until the verdict. All others are final. */
export const SUBMISSION_STATUSES = ['running', ...FINAL_STATUSES] as const;
export type SubmissionStatus = (typeof SUBMISSION_STATUSES)[number];

/** Whether a submission got what it requested. */
export function isSuccess(status: FinalStatus): boolean {
  return status === 'deployed' || status === 'tests_passed';
}

export interface SubmitCodeInput {
  submissionId: string;
  userId: string;
  program: Program;
  input: RunInput;
  tests: Tests | null;
  /** Limits that the submission requested, below the platform's. */
  limits: Partial<RunLimits>;
  /** Whether its tests get a test database, which is dropped after them. */
  testDatabase?: boolean;
  /**
   * False: it is only tested, and ends as `tests_passed` or `tests_failed`. It does not enter the deploy
   * queue, so it neither waits for another change of its user's production nor supersedes one. Absent
   * otherwise.
   */
  deploy?: false;
  /** For a program that keeps running and serves no port. Absent otherwise. */
  production?: { kind: 'worker' };
  /** SHA-256 of the program, in hexadecimal. It does not depend on the tests. */
  codeDigest: string;
  /** When the gateway accepted it, ISO 8601. */
  acceptedAt: string;
  /** Id of the key that submitted it, for the log. */
  requestedBy?: string;
}

/** A program as production starts it: with the input and arguments of its submission. */
export function startedAs(program: Program, input: RunInput | undefined): Program {
  if (input === undefined || (input.stdin === '' && input.args.length === 0)) return program;
  return { ...program, given: { stdin: input.stdin, args: input.args } };
}

/**
 * Workflow types of operations on a user's production. Those that change it wait for their turn, as
 * submissions do.
 */
export const OPERATIONS = {
  live: 'inspectProduction',
  rollback: 'rollBackTo',
  stop: 'stopProduction',
  delete: 'deleteProduction',
  deleteEnvironment: 'deleteEnvironment',
  upgradeDatabase: 'upgradeDatabase',
} as const;

/** The workflow id of an operation. */
export const operationIdOf = (id: string): string => `operation-${id}`;

export interface OperationInput {
  userId: string;
  /** Who requested it, for the log. */
  requestedBy: string;
  /** When it was requested, ISO 8601. This determines its place in the queue. */
  acceptedAt: string;
}

export interface RollBackToInput extends OperationInput {
  /** An earlier submission whose verdict was `deployed`. */
  submissionId: string;
}

export interface DeleteProductionInput extends OperationInput {
  /** Also deletes the database with all its rows. */
  database: boolean;
}

export interface UpgradeDatabaseInput extends OperationInput {
  /** Deletes the old data that an earlier upgrade left, instead of upgrading. */
  discardOld: boolean;
}

/** How an operation ended. After a platform failure, its workflow fails instead. */
export interface OperationReport {
  status: 'done' | 'failed' | 'superseded';
  /** In a sentence for people. */
  message: string;
  /** What is in production now. */
  production: LiveReport;
}

/** A step without its output. The history contains the output only once, in the result of `runTests`. */
export type StepSummary = Omit<StepReport, 'stdout' | 'stderr' | 'report'>;

/** A summary of the tests. */
export interface TestSummary extends Pick<TestReport, 'outcome' | 'executedAgain' | 'installed'> {
  steps: StepSummary[];
  /** The number of tests by outcome. Older workers reported only the total and how many passed. */
  tests: Pick<TestCounts, 'total' | 'passed'> & Partial<TestCounts>;
}

/**
 * The result of a submission, published once and never changed. It is small, because the workflow's memo
 * stores it.
 */
export interface Verdict {
  status: FinalStatus;
  namespace: string;
  submissionId: string;
  /**
   * Why, as a stable identifier: an outcome of the run, a reason of the rollout, or a type of platform
   * failure.
   */
  reason: string;
  /** Why, in a sentence for people. */
  message: string;
  /** The results of the tests, or null if they did not run. */
  tests: TestSummary | null;
  /** The migration before the rollout, if the submission has one and it was run. */
  migration: MigrationReport | null;
  /** The rollout, if there was one. */
  rollout: RolloutReport | null;
  /**
   * The id of the newer submission or operation that superseded it, if it was superseded and the id is known.
   */
  supersededBy: string | null;
  /**
   * What is in production now, as far as this submission knows; null if nothing is, or if it was not checked.
   */
  live: DeployedProgram | null;
}
