import { Context } from '@temporalio/activity';
import { documentsOf, type ActionTrail } from './actions';
import type {
  ActionLog,
  CallContext,
  DatabaseReport,
  DeployedProgram,
  EnvironmentReport,
  Environments,
  Production,
  ProgramReport,
  Provenance,
  RollbackReport,
  RolloutReport,
  RunLimits,
  RunReport,
  TestRunner,
} from './ports';

/** What the activities work with. */
export interface ActivityDependencies {
  testRunner: TestRunner;
  environments: Environments;
  production: Production;
  actionLog: ActionLog;
  settings: {
    limits: RunLimits;
    /** How long a rollout, or the way back, may take, in milliseconds. */
    rolloutDeadlineMs: number;
  };
}

/** A submission as an activity needs it; workflow and run come from the activity's own context. */
export interface Submission {
  submissionId: string;
  userId: string;
  code: string;
  codeDigest: string;
}

/** What identifies a submission, without its code. */
export type SubmissionIdentity = Omit<Submission, 'code'>;

/** The name under which `code`, the message's shorthand for one file, is run. */
const ENTRYPOINT = 'main.py';

export type Activities = ReturnType<typeof createActivities>;

/** The side effects of `submitCode`. Each is idempotent, keyed by workflow, run and activity. */
export function createActivities(deps: ActivityDependencies) {
  const { limits, rolloutDeadlineMs } = deps.settings;
  return {
    async prepareEnvironment(userId: string): Promise<EnvironmentReport> {
      return deps.environments.ensure(userId, callContext());
    },

    async runTests(submission: Submission): Promise<RunReport> {
      const { userId, submissionId } = submission;
      return deps.testRunner.run(
        { key: runKey(), userId, submissionId, ...programOf(submission), limits },
        callContext(),
      );
    },

    async applyDatabase(submission: SubmissionIdentity): Promise<DatabaseReport> {
      return deps.production.applyDatabase(provenanceOf(submission), callContext());
    },

    async applyProgram(submission: Submission): Promise<ProgramReport> {
      const provenance = provenanceOf(submission);
      return deps.production.applyProgram({ provenance, ...programOf(submission) }, callContext());
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

    async recordActions(trail: ActionTrail): Promise<void> {
      await deps.actionLog.write(documentsOf(trail));
    },
  };
}

function programOf({ code }: Submission) {
  return { files: { [ENTRYPOINT]: code }, entrypoint: ENTRYPOINT };
}

function callContext(): CallContext {
  const context = Context.current();
  return { signal: context.cancellationSignal, heartbeat: (details) => context.heartbeat(details) };
}

function provenanceOf({ submissionId, userId, codeDigest }: SubmissionIdentity): Provenance {
  const { workflowId, runId } = execution();
  return { submissionId, userId, codeDigest, workflowId, runId };
}

/** The same for every attempt of one activity, and for no other. */
function runKey(): string {
  const { workflowId, runId } = execution();
  return `${workflowId}/${runId}/${Context.current().info.activityId}`;
}

function execution(): { workflowId: string; runId: string } {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution)
    throw new Error('These activities belong to a workflow and were called without one.');
  return workflowExecution;
}
