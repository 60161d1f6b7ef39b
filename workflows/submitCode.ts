/** The workflow of a submission, from its code to its verdict. The gateway starts one for each submission. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  defineSignal,
  isCancellation,
  patched,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Activities, TestedSubmission } from '../activities';
import { activityOptions } from './activityOptions';
import {
  CANCEL_REQUESTED_SIGNAL,
  hasBriefTests,
  isDeferred,
  isUnfinished,
  namespaceOf,
  SEARCH_ATTRIBUTES,
  startedAs,
  VERDICT_MEMO,
} from './contract';
import type { RunWait } from '../activities/ports';
import type { BegunTests, DeferredTests, TestReport, UnfinishedTests } from '../activities/testReport';
import type { Deferred, Program, SubmitCodeInput, TestSummary, Verdict } from './contract';
import { withTestedVersions } from './asTested';
import { deploy } from './deploy';
import { countsOf, evaluate } from './evaluate';
import { describeFailure, failedWith } from './failures';
import { BeforeEnd, end } from './recording';
import { Stdin } from './stdin';
import { briefOrInTurn } from './testTurn';
import { withProductionLock, Superseded } from './productionLock';

const { prepareEnvironment } = proxyActivities<Activities>(activityOptions.prepareEnvironment);
const { prepareTestDatabase } = proxyActivities<Activities>(activityOptions.applyDatabase);
const { dropTestDatabase } = proxyActivities<Activities>(activityOptions.dropTestDatabase);
const { runTests } = proxyActivities<Activities>(activityOptions.runTests);
const { runBriefTests } = proxyLocalActivities<Activities>(activityOptions.runBriefTests);
const { storeOutput } = proxyActivities<Activities>(activityOptions.storeOutput);

/**
 * How many times a missing environment is prepared without a delay, and the delays before further attempts.
 */
const IMMEDIATE_PREPARATIONS = 3;
const PREPARATION_DELAYS = ['2 s', '5 s', '10 s', '15 s'] as const;

/** The type of the failure with which an activity requests that the user's environment is prepared. */
const ENVIRONMENT_MISSING = 'EnvironmentMissing';

const cancelRequested = defineSignal<[keyId: string]>(CANCEL_REQUESTED_SIGNAL);

const statusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, SearchAttributeType.KEYWORD);

/** How many events a history has when its first workflow task starts. */
const EVENTS_BEFORE_FIRST_TASK = 3;

/** The part of a verdict that the steps determine. The identity is added once, at the end. */
type Decision = Omit<Verdict, 'namespace' | 'submissionId'>;

const nothingDeployed = { migration: null, rollout: null, supersededBy: null, live: null };

/**
 * Takes a submission from its code to its verdict: tests it and, if it passes, deploys it, unless it
 * requested only the tests.
 *
 * The verdict is written to the memo as soon as it is final. The actions are recorded after that, from the
 * history (worker/recorder.ts), so an outage of the log store delays no client. Any behavior of the user's
 * code leads to a verdict and completes the workflow. A platform failure or a cancellation is also reported to
 * the client as a verdict, but the workflow then fails or is cancelled.
 */
export async function submitCode(input: SubmitCodeInput): Promise<Verdict> {
  const beforeEnd = new BeforeEnd();
  const brief = patched('brief-tests');
  // The log has it from the history.
  setHandler(cancelRequested, () => undefined);
  const stdin = new Stdin(input.input.interactive === true);
  let decision: Decision;
  try {
    decision = await testAndDeploy(input, { beforeEnd, stdin, brief });
  } catch (error) {
    const end = cancelled(error) ?? error;
    const { reason, message } = describeFailure(end);
    const status = isCancellation(end) ? 'cancelled' : 'internal_error';
    const nothing = { ...nothingDeployed, status, reason, message, tests: null } as const;
    await conclude(input, nothing, beforeEnd, brief);
    throw isCancellation(end) ? end : ApplicationFailure.nonRetryable(message, reason);
  }
  return conclude(input, decision, beforeEnd, brief);
}

/** What the steps of one submission share. */
interface Shared {
  beforeEnd: BeforeEnd;
  stdin: Stdin;
  /** Whether tests may begin as a local activity: the history is not that of an older workflow. */
  brief: boolean;
}

/**
 * Returns the cancellation behind an error, or null. An activity with a requested cancellation is not
 * retried, so it can end with a transient failure instead of a cancellation.
 */
function cancelled(error: unknown): CancelledFailure | null {
  if (isCancellation(error) || !CancellationScope.current().consideredCancelled) return null;
  return patched('failed-while-cancelled') ? new CancelledFailure('The submission was cancelled.') : null;
}

async function testAndDeploy(input: SubmitCodeInput, shared: Shared): Promise<Decision> {
  const report = await (input.testDatabase ? testWithDatabase : test)(input, shared).finally(() =>
    shared.stdin.close(),
  );
  shared.beforeEnd.archives.push(archiveOutput(input, report));
  const { passed, reason, message } = evaluate(report);
  const tests = summaryOf(report);
  if (!passed) return { ...nothingDeployed, status: 'tests_failed', reason, message, tests };
  if (input.deploy === false)
    return {
      ...nothingDeployed,
      ...{ status: 'tests_passed', reason, tests },
      message: `${message} It was tested only, and not deployed.`,
    };
  const program = startedAs(withTestedVersions(input.program, report), input.input);
  return { ...(await deployInTurn(input, program, shared.beforeEnd)), tests };
}

/** If the database cannot be dropped now, it is dropped later, and the verdict stays the same. */
async function testWithDatabase(input: SubmitCodeInput, shared: Shared): Promise<TestReport> {
  const { submissionId, userId, codeDigest } = input;
  try {
    return await test(input, shared);
  } finally {
    await CancellationScope.nonCancellable(() =>
      dropTestDatabase({ submissionId, userId, codeDigest }),
    ).catch((error: unknown) => {
      if (!(error instanceof ActivityFailure)) throw error;
    });
  }
}

/** Runs the tests. Prepares the user's environment only if it turns out to be missing. */
async function test(input: SubmitCodeInput, { beforeEnd, stdin, brief }: Shared): Promise<TestReport> {
  const { acceptedAt: _, requestedBy: __, deploy: ___, ...tested } = input;
  let begun: BegunTests | undefined;
  const run = (wait: RunWait) => {
    const tests = () => runTests({ ...tested, wait }, { defer: true, ...(begun && { begun }) });
    return input.input.interactive ? stdin.feeding(input.userId, tests) : tests();
  };
  for (let preparations = 0; ; preparations++) {
    try {
      if (preparations === 0 && brief && hasBriefTests(input)) {
        const result = await testBriefly(tested);
        if (!isUnfinished(result)) return throwIfDeferred(result);
        begun = result.unfinished;
      }
      if (input.testDatabase) throwIfDeferred(await prepareDatabase(input));
      return throwIfDeferred(await briefOrInTurn(input, run, beforeEnd.deliveries));
    } catch (error) {
      if (!failedWith(error, ENVIRONMENT_MISSING)) throw error;
      if (preparations >= IMMEDIATE_PREPARATIONS)
        await pauseBeforeRetry(preparations - IMMEDIATE_PREPARATIONS, error);
      await prepareEnvironment(input.userId);
    }
  }
}

/**
 * Runs tests that end within about a second as part of this workflow task. Only the result of the task is
 * stored, so its loss is seen only by the events that it leaves.
 */
async function testBriefly(tested: TestedSubmission): Promise<TestReport | DeferredTests | UnfinishedTests> {
  const { historyLength, startTime } = workflowInfo();
  const since = startTime.getTime();
  const isFirst = historyLength <= EVENTS_BEFORE_FIRST_TASK;
  try {
    return await runBriefTests(tested, { isFirst, since });
  } catch (error) {
    // Not by the type of the error: that of a local activity that timed out is another one in a replay.
    if (CancellationScope.current().consideredCancelled) throw error;
    return { unfinished: { since, executions: {}, executedAgain: false, over: false } };
  }
}

/** @throws ApplicationFailure of the type that activities fail with, if the environment is missing */
function throwIfDeferred<T extends object>(result: T): Exclude<T, Deferred> {
  if (isDeferred(result)) throw ApplicationFailure.nonRetryable(result.deferred, ENVIRONMENT_MISSING);
  return result as Exclude<T, Deferred>;
}

/**
 * Servers that fail and recover can lose several environments in a row.
 * @throws the error after the last pause
 */
async function pauseBeforeRetry(retry: number, error: unknown): Promise<void> {
  const delay = PREPARATION_DELAYS[retry];
  if (delay === undefined || !patched('prepare-longer')) throw error;
  await sleep(delay);
}

function prepareDatabase({ submissionId, userId, codeDigest }: SubmitCodeInput) {
  return prepareTestDatabase({ submissionId, userId, codeDigest }, { defer: true });
}

/**
 * Deploys a program when its turn comes. Only submissions that passed wait for a turn, so failing ones have
 * no delay.
 * @param program as it was tested
 */
async function deployInTurn(
  input: SubmitCodeInput,
  program: Program,
  beforeEnd: BeforeEnd,
): Promise<Omit<Decision, 'tests'>> {
  const { submissionId: id, userId, acceptedAt } = input;
  const deployment = await withProductionLock(
    userId,
    { id, name: `submission ${id}`, acceptedAt, yields: true },
    beforeEnd,
    () => deploy(input, program),
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

/** Publishes the verdict to all followers. */
async function conclude(
  input: SubmitCodeInput,
  decision: Decision,
  beforeEnd: BeforeEnd,
  brief: boolean,
): Promise<Verdict> {
  const verdict: Verdict = {
    ...decision,
    namespace: namespaceOf(input.userId),
    submissionId: input.submissionId,
  };
  upsertMemo({ [VERDICT_MEMO]: verdict });
  upsertSearchAttributes([{ key: statusKey, value: verdict.status }]);
  await end(beforeEnd, brief);
  return verdict;
}

/**
 * Starts at once, because the test pod keeps output only for a while. If archiving fails, the verdict stays the
 * same.
 */
async function archiveOutput(
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
