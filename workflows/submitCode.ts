import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  defineSignal,
  isCancellation,
  patched,
  proxyActivities,
  setHandler,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Activities } from '../activities';
import { activityOptions } from './activityOptions';
import {
  CANCEL_REQUESTED_SIGNAL,
  isDeferred,
  isSuccess,
  namespaceOf,
  SEARCH_ATTRIBUTES,
  startedAs,
  VERDICT_MEMO,
} from './contract';
import type { RunWait } from '../activities/ports';
import type { DeferredTests, TestReport } from '../activities/testReport';
import type { Deferred, Program, SubmitCodeInput, TestSummary, Verdict } from './contract';
import { asTested } from './asTested';
import { deploy } from './deploy';
import { countsOf, evaluate } from './evaluate';
import { describeFailure, failedWith, ActionRecorder } from './actionRecorder';
import { Stdin } from './stdin';
import { briefOrInTurn } from './testTurn';
import { withProductionLock, Superseded } from './productionLock';

const { prepareEnvironment } = proxyActivities<Activities>(activityOptions.prepareEnvironment);
const { prepareTestDatabase } = proxyActivities<Activities>(activityOptions.applyDatabase);
const { dropTestDatabase } = proxyActivities<Activities>(activityOptions.dropTestDatabase);
const { runTests } = proxyActivities<Activities>(activityOptions.runTests);
const { storeOutput } = proxyActivities<Activities>(activityOptions.storeOutput);
const { recordActions } = proxyActivities<Activities>(activityOptions.recordActions);

/** How often an environment that is missing is made at once, and the pauses before it is made again after that. */
const PREPARATIONS = 3;
const PAUSES = ['2 s', '5 s', '10 s', '15 s'] as const;

/** Type of failure by which an activity says that the user's environment has to be prepared. */
const ENVIRONMENT_MISSING = 'EnvironmentMissing';

const cancelRequested = defineSignal<[keyId: string]>(CANCEL_REQUESTED_SIGNAL);

const statusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, SearchAttributeType.KEYWORD);

/** The part of a verdict that the steps decide; identity is added once, at the end. */
type Decision = Omit<Verdict, 'namespace' | 'submissionId'>;

const nothingDeployed = { migration: null, rollout: null, supersededBy: null, live: null };

/**
 * Takes a submission from its code to its verdict: tested, and if it passes, in production, unless it asked for the
 * tests alone.
 *
 * The verdict is announced in the memo as soon as it stands; the actions are recorded after it, so that an
 * outage of the log store delays nobody. What the user's code does is a verdict and completes the workflow;
 * a failure of the platform, or a cancellation, is told to the client just so and then ends the workflow as
 * what it is.
 */
export async function submitCode(input: SubmitCodeInput): Promise<Verdict> {
  const recorder = new ActionRecorder();
  recorder.record('submission.accepted', {
    details: { accepted_at: input.acceptedAt, requested_by: input.requestedBy, deploy: input.deploy },
  });
  setHandler(cancelRequested, (keyId) =>
    recorder.record('submission.cancel_requested', { details: { requested_by: keyId } }),
  );
  const stdin = new Stdin(input.input.interactive === true);
  // What goes on beside the way to the verdict, and keeps nobody waiting for that.
  const storing: Promise<unknown>[] = [];
  let decision: Decision;
  try {
    decision = await testAndDeploy(input, recorder, stdin, (report) =>
      storing.push(storeUnkept(input, report)),
    );
  } catch (error) {
    const end = cancelled(error) ?? error;
    const { reason, message } = describeFailure(end);
    const status = isCancellation(end) ? 'cancelled' : 'internal_error';
    await conclude(input, recorder, { ...nothingDeployed, status, reason, message, tests: null }, storing);
    throw isCancellation(end) ? end : ApplicationFailure.nonRetryable(message, reason);
  }
  return conclude(input, recorder, decision, storing);
}

/**
 * The cancellation that an error stands for: an activity that is to be cancelled is not tried again, so that a failure
 * that would have passed is its end.
 */
function cancelled(error: unknown): CancelledFailure | null {
  if (isCancellation(error) || !CancellationScope.current().consideredCancelled) return null;
  return patched('failed-while-cancelled') ? new CancelledFailure('The submission was cancelled.') : null;
}

async function testAndDeploy(
  input: SubmitCodeInput,
  recorder: ActionRecorder,
  stdin: Stdin,
  onReport: (report: TestReport) => void,
): Promise<Decision> {
  const report = await (input.testDatabase ? testWithDatabase : test)(input, recorder, stdin).finally(() =>
    stdin.end(),
  );
  onReport(report);
  const { passed, reason, message } = evaluate(report);
  const tests = summaryOf(report);
  if (!passed) return { ...nothingDeployed, status: 'tests_failed', reason, message, tests };
  if (input.deploy === false)
    return {
      ...nothingDeployed,
      ...{ status: 'tests_passed', reason, tests },
      message: `${message} It was tested only, and not deployed.`,
    };
  const program = startedAs(asTested(input.program, report), input.input);
  return { ...(await deployInTurn(input, program, recorder)), tests };
}

/** A database that cannot be dropped now changes no verdict: it goes later. */
async function testWithDatabase(
  input: SubmitCodeInput,
  recorder: ActionRecorder,
  stdin: Stdin,
): Promise<TestReport> {
  const { submissionId, userId, codeDigest } = input;
  try {
    return await test(input, recorder, stdin);
  } finally {
    await CancellationScope.nonCancellable(() =>
      recorder.stage('drop_test_database', () => dropTestDatabase({ submissionId, userId, codeDigest })),
    ).catch((error: unknown) => {
      if (!(error instanceof ActivityFailure)) throw error;
    });
  }
}

/** Runs the tests; makes or repairs the user's environment when, and only when, it turns out to be missing. */
async function test(input: SubmitCodeInput, recorder: ActionRecorder, stdin: Stdin): Promise<TestReport> {
  const { acceptedAt: _, requestedBy: __, deploy: ___, ...tested } = input;
  for (let preparations = 0; ; preparations++) {
    try {
      if (input.testDatabase) undeferred(await prepareDatabase(input, recorder));
      const run = (wait: RunWait) => {
        const tests = () => runTests({ ...tested, wait }, { defer: true });
        return input.input.interactive ? stdin.feeding(input.userId, tests) : tests();
      };
      return undeferred(await recorder.stage('run_tests', () => briefOrInTurn(input, run), readTests));
    } catch (error) {
      if (!failedWith(error, ENVIRONMENT_MISSING)) throw error;
      if (preparations >= PREPARATIONS) await pauseFor(preparations - PREPARATIONS, error);
      await recorder.stage(
        'prepare_environment',
        () => prepareEnvironment(input.userId),
        (details) => ({ details }),
      );
    }
  }
}

/** @throws ApplicationFailure, as an activity that fails for want of the environment does, when that is missing */
function undeferred<T extends object>(result: T): Exclude<T, Deferred> {
  if (isDeferred(result)) throw ApplicationFailure.nonRetryable(result.deferred, ENVIRONMENT_MISSING);
  return result as Exclude<T, Deferred>;
}

/** Servers that come and go can take several environments in a row. @throws the error when it was tried long enough */
async function pauseFor(further: number, error: unknown): Promise<void> {
  const pause = PAUSES[further];
  if (pause === undefined || !patched('prepare-longer')) throw error;
  await sleep(pause);
}

async function prepareDatabase(
  { submissionId, userId, codeDigest }: SubmitCodeInput,
  recorder: ActionRecorder,
) {
  return recorder.stage(
    'prepare_test_database',
    () => prepareTestDatabase({ submissionId, userId, codeDigest }, { defer: true }),
    (result) => (isDeferred(result) ? readDeferred(result) : { details: result }),
  );
}

/**
 * Only what passed waits for its turn: a submission that fails pays nothing for the order.
 * @param program as it was tested
 */
async function deployInTurn(
  input: SubmitCodeInput,
  program: Program,
  recorder: ActionRecorder,
): Promise<Omit<Decision, 'tests'>> {
  const { submissionId: id, userId, acceptedAt } = input;
  const deployment = await withProductionLock(
    userId,
    { id, name: `submission ${id}`, acceptedAt, yields: true },
    recorder,
    () => deploy(input, program, recorder),
    ({ status }) => status === 'deployed',
  );
  if (!(deployment instanceof Superseded)) return { ...deployment, supersededBy: null };
  return {
    ...nothingDeployed,
    status: 'superseded',
    reason: 'superseded',
    message: `The ${deployment.by.name} was accepted later and took its place.`,
    supersededBy: deployment.by.id,
  };
}

/** Announces the verdict to everyone who follows, then records what was done. */
async function conclude(
  input: SubmitCodeInput,
  recorder: ActionRecorder,
  decision: Decision,
  storing: Promise<unknown>[],
): Promise<Verdict> {
  const { submissionId, userId, codeDigest, requestedBy } = input;
  const namespace = namespaceOf(userId);
  const verdict: Verdict = { ...decision, namespace, submissionId };
  upsertMemo({ [VERDICT_MEMO]: verdict });
  upsertSearchAttributes([{ key: statusKey, value: verdict.status }]);

  recorder.record('submission.finished', {
    outcome: isSuccess(verdict.status) ? 'success' : 'failure',
    reason: verdict.status,
    message: verdict.message,
    details: { cause: verdict.reason, live: verdict.live },
  });
  const { workflowId, runId } = workflowInfo();
  const provenance = { submissionId, userId, codeDigest, workflowId, runId, keyId: requestedBy };
  await CancellationScope.nonCancellable(() =>
    recordActions({ provenance, namespace, actions: recorder.actions }),
  );
  await Promise.all(storing);
  return verdict;
}

/** Begun at once: the test pod keeps output for a while only. What cannot be stored changes no verdict. */
async function storeUnkept(
  { submissionId, userId, codeDigest }: SubmitCodeInput,
  { unkept }: TestReport,
): Promise<void> {
  if (!unkept || !patched('store-output')) return;
  const origin = { namespace: namespaceOf(userId), at: new Date().toISOString() };
  await CancellationScope.nonCancellable(() =>
    storeOutput({ submissionId, userId, codeDigest }, origin, unkept),
  ).catch((error: unknown) => {
    if (!(error instanceof ActivityFailure)) throw error;
  });
}

function readTests(report: TestReport | DeferredTests) {
  if (isDeferred(report)) return readDeferred(report);
  const { passed, reason, message } = evaluate(report);
  return { outcome: passed ? 'success' : 'failure', reason, message, details: report } as const;
}

/** Neither a success nor a failure: the stage comes again when the environment is prepared. */
function readDeferred({ deferred: message }: Deferred) {
  return { outcome: 'unknown', reason: 'environment_missing', message } as const;
}

function summaryOf(report: TestReport): TestSummary {
  const { outcome, executedAgain, installed, steps } = report;
  return {
    outcome,
    executedAgain,
    ...(installed && { installed }),
    steps: steps.map(({ stdout, stderr, report, ...summary }) => summary),
    tests: countsOf(report),
  };
}
