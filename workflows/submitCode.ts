import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Activities } from '../activities';
import { activityOptions } from './activityOptions';
import { namespaceOf, SEARCH_ATTRIBUTES, VERDICT_MEMO } from './contract';
import type { ProgramReport, RolloutReport } from '../activities/ports';
import type { TestReport } from '../activities/testReport';
import type { SubmitCodeInput, TestSummary, Verdict } from './contract';
import { evaluate } from './evaluate';
import { explain, failedWith, Trail } from './trail';

const { prepareEnvironment } = proxyActivities<Activities>(activityOptions.prepareEnvironment);
const { runTests } = proxyActivities<Activities>(activityOptions.runTests);
const { applyDatabase } = proxyActivities<Activities>(activityOptions.applyDatabase);
const { applyProgram } = proxyActivities<Activities>(activityOptions.applyProgram);
const { awaitRollout } = proxyActivities<Activities>(activityOptions.awaitRollout);
const { rollBack } = proxyActivities<Activities>(activityOptions.rollBack);
const { recordActions } = proxyActivities<Activities>(activityOptions.recordActions);

/** How often an environment that is missing is made before a submission is given up. */
const PREPARATIONS = 3;

const statusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, SearchAttributeType.KEYWORD);

/** The part of a verdict that the steps decide; identity is added once, at the end. */
type Decision = Omit<Verdict, 'namespace' | 'submissionId'>;

/**
 * Takes a submission from its code to its verdict: tested, and if it passes, in production.
 *
 * The verdict is announced in the memo as soon as it stands; the actions are recorded after it, so that an
 * outage of the log store delays nobody. What the user's code does is a verdict and completes the workflow;
 * a failure of the platform, or a cancellation, is told to the client just so and then ends the workflow as
 * what it is.
 */
export async function submitCode(input: SubmitCodeInput): Promise<Verdict> {
  const trail = new Trail();
  trail.note('submission.accepted', { details: { accepted_at: input.acceptedAt } });
  let decision: Decision;
  try {
    decision = await testAndDeploy(input, trail);
  } catch (error) {
    const { reason, message } = explain(error);
    const status = isCancellation(error) ? 'cancelled' : 'internal_error';
    await conclude(input, trail, { status, reason, message, tests: null, rollout: null, live: null });
    throw isCancellation(error) ? error : ApplicationFailure.nonRetryable(message, reason);
  }
  return conclude(input, trail, decision);
}

async function testAndDeploy(input: SubmitCodeInput, trail: Trail): Promise<Decision> {
  const report = await test(input, trail);
  const { passed, reason, message } = evaluate(report);
  const tests = summaryOf(report);
  if (!passed) return { status: 'tests_failed', reason, message, tests, rollout: null, live: null };
  return { ...(await deploy(input, trail)), tests };
}

/** Runs the tests; makes or repairs the user's environment when, and only when, it turns out to be missing. */
async function test(input: SubmitCodeInput, trail: Trail): Promise<TestReport> {
  const { acceptedAt: _, ...tested } = input;
  for (let preparations = 0; ; preparations++) {
    try {
      return await trail.stage('run_tests', () => runTests(tested), readTests);
    } catch (error) {
      if (!failedWith(error, 'EnvironmentMissing') || preparations === PREPARATIONS) throw error;
      await trail.stage(
        'prepare_environment',
        () => prepareEnvironment(input.userId),
        (details) => ({ details }),
      );
    }
  }
}

async function deploy(input: SubmitCodeInput, trail: Trail): Promise<Omit<Decision, 'tests'>> {
  const { submissionId, userId, codeDigest, program } = input;
  const identity = { submissionId, userId, codeDigest };
  await trail.stage('apply_database', () => applyDatabase(identity));

  // From here until it is known what was applied, a cancellation has to wait: it could not be undone.
  const applied = await CancellationScope.nonCancellable(() =>
    trail.stage(
      'apply_program',
      () => applyProgram(identity, program),
      (details) => ({ details }),
    ),
  );

  let rollout: RolloutReport;
  try {
    rollout = await trail.stage(
      'await_rollout',
      () => awaitRollout(input.userId, applied.program),
      readRollout,
    );
  } catch (error) {
    await restore(input, trail, applied);
    throw error;
  }

  const { reason, message } = rollout;
  switch (rollout.outcome) {
    case 'live':
      return {
        status: 'deployed',
        reason: 'live',
        message: 'The program is in production.',
        rollout,
        live: applied.program,
      };
    case 'superseded':
      return {
        status: 'superseded',
        reason: 'superseded',
        message: message ?? 'A newer submission took its place before it was live.',
        rollout,
        live: null,
      };
    case 'failed': {
      const live = await restore(input, trail, applied);
      return {
        status: 'deploy_failed',
        reason: reason ?? 'unknown',
        message: message ?? 'The program did not become ready in production.',
        rollout,
        live,
      };
    }
  }
}

/** Puts back what was live before; goes on when the submission is cancelled meanwhile. */
async function restore(input: SubmitCodeInput, trail: Trail, { program, previous }: ProgramReport) {
  const { live } = await CancellationScope.nonCancellable(() =>
    trail.stage(
      'roll_back',
      () => rollBack(input.userId, program, previous),
      (details) => ({ details }),
    ),
  );
  return live;
}

/** Announces the verdict to everyone who follows, then records what was done. */
async function conclude(input: SubmitCodeInput, trail: Trail, decision: Decision): Promise<Verdict> {
  const { submissionId, userId, codeDigest } = input;
  const namespace = namespaceOf(userId);
  const verdict: Verdict = { ...decision, namespace, submissionId };
  upsertMemo({ [VERDICT_MEMO]: verdict });
  upsertSearchAttributes([{ key: statusKey, value: verdict.status }]);

  trail.note('submission.finished', {
    outcome: verdict.status === 'deployed' ? 'success' : 'failure',
    reason: verdict.status,
    message: verdict.message,
    details: { cause: verdict.reason, live: verdict.live },
  });
  const { workflowId, runId } = workflowInfo();
  const provenance = { submissionId, userId, codeDigest, workflowId, runId };
  await CancellationScope.nonCancellable(() =>
    recordActions({ provenance, namespace, actions: trail.actions }),
  );
  return verdict;
}

function readTests(report: TestReport) {
  const { passed, reason, message } = evaluate(report);
  return { outcome: passed ? 'success' : 'failure', reason, message, details: report } as const;
}

function readRollout(report: RolloutReport) {
  const reading = { outcome: report.outcome === 'live' ? 'success' : 'failure', details: report } as const;
  return {
    ...reading,
    reason: report.reason ?? report.outcome,
    ...(report.message && { message: report.message }),
  };
}

function summaryOf({ outcome, executedAgain, steps, tests }: TestReport): TestSummary {
  return {
    outcome,
    executedAgain,
    steps: steps.map(({ stdout, stderr, report, ...summary }) => summary),
    tests: { total: tests.length, passed: tests.filter((test) => test.outcome === 'passed').length },
  };
}
