/**
 * The activities of the workflows, made from their dependencies. The worker registers them (worker/worker.ts), and
 * workflows import their types.
 */
import { Context, log } from '@temporalio/activity';
import { documentsOf, type ActionTrail } from './actions';
import { isEnvironmentMissing, type Deferrable, type Deferred } from './deferral';
import { outputOfTrail, type OutputOrigin } from './outputDocuments';
import type {
  ActionLog,
  CallContext,
  DatabaseReport,
  DeployedProgram,
  EnvironmentReport,
  InputFeed,
  InputProgress,
  Environments,
  LiveReport,
  PlatformFailure,
  MigrationReport,
  OutputLog,
  Production,
  ProgramReport,
  Provenance,
  RollbackReport,
  RolloutReport,
  Program,
  RunInput,
  RunLimits,
  RunWait,
  Tests,
  TestDatabases,
  TestRunner,
  UpgradeReport,
  WorkflowRecord,
  WorkflowRecords,
} from './ports';
import { inputReporter } from './input';
import { copyOutput, type StoredOutput } from './copyOutput';
import { BriefTurns, runBriefly } from './briefTests';
import { runPlan, runPlanOrDefer, type TestContext, type TestPlan } from './testing';
import type { BegunTests, DeferredTests, TestReport, TruncatedOutput, UnfinishedTests } from './testReport';

/** The dependencies of the activities. */
export interface ActivityDependencies {
  testRunner: TestRunner;
  environments: Environments;
  production: Production;
  testDatabases: TestDatabases;
  actionLog: ActionLog;
  outputLog: OutputLog;
  workflowRecords: WorkflowRecords;
  settings: {
    limits: RunLimits;
    /**
     * Wall time limit of an interactive program, in milliseconds. It is separate, because such a program
     * waits for people.
     */
    interactiveWallMs: number;
    /** How long a rollout or a rollback may take, in milliseconds. */
    rolloutDeadlineMs: number;
  };
}

/** Identifies a submission. The workflow id and run id are taken from the activity's context. */
export interface SubmissionIdentity {
  submissionId: string;
  userId: string;
  codeDigest: string;
}

/** The part of a submission that its tests need. */
export interface TestedSubmission extends SubmissionIdentity {
  program: Program;
  input: RunInput;
  tests: Tests | null;
  /** Limits that the submission requested. The worker's own limits are the defaults and the maximum. */
  limits: Partial<RunLimits>;
  /** Whether the tests get a test database. */
  testDatabase?: boolean;
  /** For a program that keeps running and serves no port. */
  production?: { kind: 'worker' };
  /**
   * How it waits for its turn in the test pod. If absent, as in older workflows, it waits in the pod without
   * limit.
   */
  wait?: RunWait;
}

const HEARTBEAT_MS = 1_000;

/** How many attempts are made to read output from a test pod that does not answer. */
const MAX_POD_ATTEMPTS = 20;

export type Activities = ReturnType<typeof createActivities>;

/** The side effects of `submitCode`. Each is idempotent, keyed by workflow and run. */
export function createActivities(deps: ActivityDependencies) {
  const { limits, interactiveWallMs, rolloutDeadlineMs } = deps.settings;
  const briefTurns = new BriefTurns();

  function planOf(submission: TestedSubmission): TestPlan {
    const { userId, submissionId, program, input, tests, production, wait } = submission;
    const maximum = input.interactive ? { ...limits, wallMs: interactiveWallMs } : limits;
    return {
      ...{ key: runKey(), userId, submissionId, program, input, tests, wait },
      limits: limitsWithin(maximum, submission.limits),
      isWorker: production?.kind === 'worker',
    };
  }

  return {
    async prepareEnvironment(userId: string): Promise<EnvironmentReport> {
      return deps.environments.ensure(userId, callContext());
    },

    async runTests(
      submission: TestedSubmission,
      { defer = false, begun }: Deferrable & { begun?: BegunTests } = {},
    ): Promise<TestReport | DeferredTests> {
      const input = submission.testDatabase ? await withDatabase(deps, submission) : submission.input;
      const plan = planOf({ ...submission, input });
      const report = (defer ? runPlanOrDefer : runPlan)(deps.testRunner, plan, {
        ...callContext(),
        ...previousAttemptOf(Context.current(), begun),
        ...(input.interactive && { onInput: inputReporter(Context.current(), `${plan.key}/run`) }),
      });
      return submission.testDatabase ? report.catch(withoutDatabase(deps, submission)) : report;
    },

    /**
     * Runs tests that end within about a second.
     * @param isFirst false if an earlier attempt may have begun them
     * @param since when the first attempt may have begun, in milliseconds since the epoch
     */
    async runBriefTests(
      submission: TestedSubmission,
      { isFirst, since }: { isFirst: boolean; since: number },
    ): Promise<TestReport | DeferredTests | UnfinishedTests> {
      return runBriefly(deps.testRunner, briefTurns, planOf(submission), {
        signal: Context.current().cancellationSignal,
        scheduledAt: since,
        previousAttempt: isFirst ? null : {},
      });
    },

    /** Sends more input to an interactive run. */
    async feedInput(userId: string, feed: InputFeed): Promise<InputProgress> {
      return deps.testRunner.feed(userId, feed);
    },

    /** Stores the output that the report of the tests does not contain. */
    async storeOutput(
      submission: SubmissionIdentity,
      { namespace, at }: Pick<OutputOrigin, 'namespace' | 'at'>,
      truncated: TruncatedOutput[],
    ): Promise<StoredOutput> {
      const origin = { provenance: provenanceOf(submission), namespace, at };
      const isLastAttempt = Context.current().info.attempt >= MAX_POD_ATTEMPTS;
      const stored = await copyOutput(deps, origin, truncated, callContext(), isLastAttempt);
      if (stored.lostBytes > 0) log.warn('some output was lost before it could be stored', { ...stored });
      return stored;
    },

    /** Prepares the user's PostgreSQL, in which the test database is created. */
    async prepareTestDatabase(
      submission: SubmissionIdentity,
      { defer = false }: Deferrable = {},
    ): Promise<DatabaseReport | Deferred> {
      try {
        return await deps.production.applyDatabase(provenanceOf(submission), callContext());
      } catch (error) {
        if (!defer || !isEnvironmentMissing(error)) throw error;
        return { deferred: error.message };
      }
    },

    async dropTestDatabase({ userId, submissionId }: SubmissionIdentity): Promise<void> {
      return deps.testDatabases.drop(userId, submissionId);
    },

    async applyDatabase(submission: SubmissionIdentity): Promise<DatabaseReport> {
      return deps.production.applyDatabase(provenanceOf(submission), callContext());
    },

    async applyProgram(submission: SubmissionIdentity, program: Program): Promise<ProgramReport> {
      return deps.production.applyProgram({ provenance: provenanceOf(submission), program }, callContext());
    },

    async runMigration(submission: SubmissionIdentity, program: Program): Promise<MigrationReport> {
      return deps.production.migrate({ provenance: provenanceOf(submission), program }, callContext());
    },

    async removeMigration({ userId, submissionId }: SubmissionIdentity): Promise<void> {
      return deps.production.removeMigration(userId, submissionId);
    },

    async awaitRollout(userId: string, program: DeployedProgram): Promise<RolloutReport> {
      return deps.production.awaitRollout({ userId, program, deadlineMs: rolloutDeadlineMs }, callContext());
    },

    async rollBack(
      userId: string,
      failed: DeployedProgram,
      previous: DeployedProgram | null,
    ): Promise<RollbackReport> {
      return deps.production.rollBack(
        { userId, failed, previous, deadlineMs: rolloutDeadlineMs },
        callContext(),
      );
    },

    async inspectProduction(userId: string): Promise<LiveReport> {
      return deps.production.inspect(userId);
    },

    async stopProduction(userId: string): Promise<void> {
      return deps.production.stop(userId, callContext());
    },

    async deleteProduction(userId: string, what: { database: boolean }): Promise<void> {
      return deps.production.remove(userId, what, callContext());
    },

    async upgradeDatabase(userId: string): Promise<UpgradeReport> {
      return deps.production.upgradeDatabase(userId, callContext());
    },

    async discardOldData(userId: string): Promise<string[]> {
      return deps.production.discardOldData(userId);
    },

    async deleteEnvironment(userId: string): Promise<void> {
      return deps.environments.remove(userId, callContext());
    },

    /** @param preferredId id of the workflow to read instead, if there is one */
    async readWorkflow(workflowId: string, preferredId?: string): Promise<WorkflowRecord | null> {
      const preferred = preferredId === undefined ? null : await deps.workflowRecords.read(preferredId);
      return preferred ?? deps.workflowRecords.read(workflowId);
    },

    /** For workflows of older versions: those of this one do not record themselves (workflows/recording.ts). */
    async recordActions(trail: ActionTrail): Promise<void> {
      await deps.actionLog.write(documentsOf(trail));
      await deps.outputLog.write(outputOfTrail(trail).documents);
    },
  };
}

/**
 * Adds the test database's variables. A retry keeps the database: an earlier attempt's run may still be using
 * it.
 */
async function withDatabase(
  { testDatabases }: ActivityDependencies,
  { userId, submissionId, input }: TestedSubmission,
): Promise<RunInput> {
  const context = Context.current();
  const { attempt } = context.info;
  const heartbeatDetails = context.info.heartbeatDetails as unknown;
  // Repeats the heartbeat details of the previous attempt, so the tests still find them.
  const timer = setInterval(() => context.heartbeat(heartbeatDetails), HEARTBEAT_MS);
  try {
    const variables = await testDatabases.open(userId, submissionId, { reset: attempt === 1 });
    return { ...input, env: { ...input.env, ...variables } };
  } finally {
    clearInterval(timer);
  }
}

/**
 * Drops the test database of a submission that must wait for its turn. Otherwise a user's waiting submissions
 * could fill the disk with them.
 */
function withoutDatabase(
  { testDatabases }: ActivityDependencies,
  { userId, submissionId }: TestedSubmission,
) {
  return async (error: unknown): Promise<never> => {
    const name: PlatformFailure = 'TestPodBusy';
    if ((error as Error).name === name)
      await testDatabases.drop(userId, submissionId).catch((failure: unknown) => {
        log.warn('a test database is kept until its submission has ended', { error: failure });
      });
    throw error;
  };
}

/** The requested limits, each at most the worker's own. */
function limitsWithin(maximum: RunLimits, requested: Partial<RunLimits>): RunLimits {
  const names = Object.keys(maximum) as (keyof RunLimits)[];
  return Object.fromEntries(
    names.map((name) => [name, Math.min(maximum[name], requested[name] ?? Infinity)]),
  ) as unknown as RunLimits;
}

function callContext(): CallContext {
  const context = Context.current();
  return { signal: context.cancellationSignal, heartbeat: (details) => context.heartbeat(details) };
}

/**
 * When the tests were first attempted, and the state of the attempt before this one.
 * @param begun what brief tests began before this activity
 */
function previousAttemptOf(
  { info }: Context,
  begun?: BegunTests,
): Pick<TestContext, 'scheduledAt' | 'previousAttempt'> {
  const last = info.heartbeatDetails as Partial<BegunTests> | undefined;
  if (!begun) {
    const previousAttempt = info.attempt > 1 ? { lastHeartbeat: last } : null;
    return { scheduledAt: info.scheduledTimestampMs, previousAttempt };
  }
  const lastHeartbeat = {
    executions: { ...begun.executions, ...last?.executions },
    executedAgain: begun.executedAgain || (last?.executedAgain ?? false),
    over: begun.over && (info.attempt === 1 || (last?.over ?? false)),
  };
  return { scheduledAt: begun.since, previousAttempt: { lastHeartbeat } };
}

function provenanceOf({ submissionId, userId, codeDigest }: SubmissionIdentity): Provenance {
  const { workflowId, runId } = execution();
  return { submissionId, userId, codeDigest, workflowId, runId };
}

/**
 * The key is the same for every attempt at a workflow's tests. So nothing is executed twice in the same pod,
 * even if the pod was considered lost meanwhile. The gateway uses the key to find the output in the pod's
 * log.
 */
function runKey(): string {
  const { workflowId, runId } = execution();
  return `${workflowId}/${runId}/tests`;
}

function execution(): { workflowId: string; runId: string } {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution)
    throw new Error('These activities belong to a workflow and were called without one.');
  return workflowExecution;
}
