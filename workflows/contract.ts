/**
 * What a client of the workflow may know of it: names, input, result and stages. Part of the public
 * contract: a change here must keep running workflows and older gateways working.
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
import type { Step, StepReport, TestCounts, TestReport } from '../activities/testReport';

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

/** Workflow type, as the Temporal Web UI shows it. */
export const SUBMIT_CODE = 'submitCode';

/** Task queue that workers of this platform poll unless their configuration names another. */
export const DEFAULT_TASK_QUEUE = 'submissions';

/** Custom search attributes of every submission, all of type Keyword. */
export const SEARCH_ATTRIBUTES = {
  userId: 'UserId',
  status: 'SubmissionStatus',
  codeDigest: 'CodeDigest',
} as const;

/** What is executed in a test pod, in its order. */
export const STEPS = ['install', 'run', 'tests'] as const satisfies readonly Step[];

/** Key in the workflow's memo under which the verdict appears as soon as it is known. */
export const VERDICT_MEMO = 'verdict';

/** Key in the memo of the SHA-256 of everything that was asked: a repeat with other content is a conflict. */
export const CONTENT_DIGEST_MEMO = 'content_digest';

/** The workflow id of a submission: a repeat of the same submission meets the same workflow. */
export const workflowIdOf = (submissionId: string): string => `submission-${submissionId}`;

/** A DNS label short enough that `user-<user_id>` and the names of pods stay valid: 1 to 40 characters. */
export const USER_ID = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/** The namespace of a user. */
export const namespaceOf = (userId: string): string => `user-${userId}`;

/** Stages of a submission, in the order in which they can occur, by the activity that carries each out. */
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
 * The one stage that is no activity: a submission that passed its tests waits until it may change what its
 * user has in production. In the history it lies between the first signal that the submission sends
 * (`SignalExternalWorkflowExecutionInitiated` with {@link CLAIM_TURN_SIGNAL}) and the signal that it gets
 * (`WorkflowExecutionSignaled` with {@link TURN_SIGNAL}).
 */
export const AWAIT_TURN = 'await_turn';
export const CLAIM_TURN_SIGNAL = 'claimTurn';
export const TURN_SIGNAL = 'turn';
export const LEAVE_TURN_SIGNAL = 'leaveTurn';

/** Workflow type that keeps the order of one user's changes, and the query for its state. */
export const PRODUCTION_ORDER = 'productionOrder';
export const ORDER_QUERY = 'order';

/** The workflow id of a user's order. Workers of another task queue keep an order of their own. */
export const orderIdOf = (taskQueue: string, userId: string): string => `order-${taskQueue}-${userId}`;

/** Workflow type that keeps the queue for one user's test pod, and the query for its state. */
export const TEST_QUEUE = 'testQueue';
export const TEST_QUEUE_QUERY = 'testQueue';

/** The workflow id of a user's queue. */
export const testQueueIdOf = (taskQueue: string, userId: string): string => `tests-${taskQueue}-${userId}`;

/**
 * Type of the failure with which `runTests` ends when other runs of the same user come first. Nothing was run: the
 * submission waits for its turn, and then runs its tests.
 */
export const TEST_POD_BUSY: PlatformFailure = 'TestPodBusy';

/** Tells a submission, before it is cancelled, which key asks for that: its argument is the key's id. */
export const CANCEL_REQUESTED_SIGNAL = 'cancelRequested';

/** Update by which a client gives a submission that is interactive more input. */
export const INPUT_UPDATE = 'input';

/** Types of failure with which {@link INPUT_UPDATE} is refused. */
export const INPUT_REFUSALS = {
  notInteractive: 'NotInteractive',
  over: 'InputOver',
  conflict: 'InputConflict',
  tooMuch: 'TooMuchInput',
} as const;

/** Bounds of the input that a submission may get while it runs: all of it is kept in its history. */
export const INPUT_LIMITS = {
  /** Of one piece, in bytes. */
  pieceBytes: 65_536,
  /** Of all pieces together, in bytes. */
  bytes: 1_048_576,
  /** A workflow takes 2,000 updates at most. */
  pieces: 1_000,
} as const;

/** More input for a submission. */
export interface InputPiece {
  /** Where it begins, in all that came so; at the end when null. A piece that came before is not taken again. */
  offset: number | null;
  /** In base64, and how many bytes it stands for. */
  data: string;
  bytes: number;
  /** Whether nothing comes after it. */
  eof: boolean;
}

/** How much input was taken so far. */
export interface InputState {
  received: number;
  eof: boolean;
}

/** Whether an activity did nothing, because the user's environment has to be prepared first. */
export function isDeferred(result: unknown): result is Deferred {
  return typeof result === 'object' && result !== null && 'deferred' in result;
}

export type ActivityName = keyof typeof STAGE_OF_ACTIVITY;
export type Stage = (typeof STAGE_OF_ACTIVITY)[ActivityName] | typeof AWAIT_TURN;

/** How a submission can end. Every other list of statuses is made from this one. */
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

/** `running` until the verdict; the others are final. */
export const SUBMISSION_STATUSES = ['running', ...FINAL_STATUSES] as const;
export type SubmissionStatus = (typeof SUBMISSION_STATUSES)[number];

/** Whether a submission got what it asked for. */
export function isSuccess(status: FinalStatus): boolean {
  return status === 'deployed' || status === 'tests_passed';
}

export interface SubmitCodeInput {
  submissionId: string;
  userId: string;
  program: Program;
  input: RunInput;
  tests: Tests | null;
  /** Limits below the platform's, as the submission asked for them. */
  limits: Partial<RunLimits>;
  /** Whether its tests get a database of their own, which goes after them. */
  testDatabase?: boolean;
  /**
   * False: it is tested only, and ends as `tests_passed` or `tests_failed`. Absent otherwise. It takes no turn, so it
   * neither waits for another change of its user's production nor supersedes one.
   */
  deploy?: false;
  /** Of a program that keeps running and serves no port. Absent otherwise. */
  production?: { kind: 'worker' };
  /** SHA-256 of the program, in hexadecimal: equal for equal programs, whatever they are tested with. */
  codeDigest: string;
  /** When the gateway accepted it, ISO 8601. */
  acceptedAt: string;
  /** Id of the key that submitted it, for the log. */
  requestedBy?: string;
}

/** A program as production starts it: with the input and arguments that its submission brought. */
export function startedAs(program: Program, input: RunInput | undefined): Program {
  if (input === undefined || (input.stdin === '' && input.args.length === 0)) return program;
  return { ...program, given: { stdin: input.stdin, args: input.args } };
}

/** Workflow types of what an operator does to a user's production; each waits for its turn as submissions do. */
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
  /** Who asked for it, for the log. */
  requestedBy: string;
  /** When it was asked for, ISO 8601: its place in the order. */
  acceptedAt: string;
}

export interface RollBackToInput extends OperationInput {
  /** An earlier submission whose verdict was `deployed`. */
  submissionId: string;
}

export interface DeleteProductionInput extends OperationInput {
  /** Deletes the database with all its rows, too. */
  database: boolean;
}

export interface UpgradeDatabaseInput extends OperationInput {
  /** Deletes the data that an earlier upgrade left, instead of upgrading. */
  discardOld: boolean;
}

/** How an operation ended; a failure of the platform ends its workflow with that instead. */
export interface OperationReport {
  status: 'done' | 'failed' | 'superseded';
  /** In a sentence for people. */
  message: string;
  /** What is in production now. */
  production: LiveReport;
}

/** A step without what it printed: that stands once in the history, in the result of `runTests`. */
export type StepSummary = Omit<StepReport, 'stdout' | 'stderr' | 'report'>;

/** The tests in short. */
export interface TestSummary extends Pick<TestReport, 'outcome' | 'executedAgain' | 'installed'> {
  steps: StepSummary[];
  /** How many tests there were and what became of them; older workers told only of those that passed. */
  tests: Pick<TestCounts, 'total' | 'passed'> & Partial<TestCounts>;
}

/** The end of a submission, told once and never changed. Small: it is kept in the workflow's memo. */
export interface Verdict {
  status: FinalStatus;
  namespace: string;
  submissionId: string;
  /** Why, as a stable word: an outcome of the run, a reason of the rollout, or a type of platform failure. */
  reason: string;
  /** Why, in a sentence for people. */
  message: string;
  /** How the tests went, unless they never took place. */
  tests: TestSummary | null;
  /** The migration before the rollout, if the submission has one and it came to that. */
  migration: MigrationReport | null;
  /** The rollout, if there was one. */
  rollout: RolloutReport | null;
  /** Id of what was accepted later and took its place, if that is how it ended and it is known. */
  supersededBy: string | null;
  /** What is in production now, as far as this submission knows: null when nothing is or nobody looked. */
  live: DeployedProgram | null;
}
