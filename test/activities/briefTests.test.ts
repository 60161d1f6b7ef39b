import { setTimeout as wait } from 'node:timers/promises';
import { BriefTurns, runBriefly } from '../../activities/briefTests';
import type { RunContext, RunRequest, TestRunner } from '../../activities/ports';
import type { TestContext, TestPlan } from '../../activities/testing';
import { pass, platformError } from '../scripted/ports';

const limits = { wallMs: 10_000, memoryBytes: 1, keepOutputBytes: 65_536, maxOutputBytes: 1 };
const program = { language: 'python', files: { 'main.py': '' }, entrypoint: 'main.py', requirements: [] };
const input = { stdin: '', args: [], env: {} };
const plan: TestPlan = {
  ...{ key: 'k', userId: 'u', submissionId: 's', program, input, tests: null, limits },
};

const runner = (run: (request: RunRequest, context: RunContext) => Promise<typeof pass>) =>
  ({ run, writeLogLine: () => undefined }) as unknown as TestRunner;

const context = (more: Partial<TestContext> = {}) => ({
  signal: new AbortController().signal,
  scheduledAt: 7,
  previousAttempt: null,
  ...more,
});

/** A run that goes on until the attempt ends, as in the real adapter. */
const endless = (_: RunRequest, context: RunContext) =>
  new Promise<never>((_resolve, reject) => {
    const { signal } = context;
    context.heartbeat({ executionId: 'e1', state: 'running' });
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

test('tests that end in time have their report, and those of one user wait for each other', async () => {
  let running = 0;
  let most = 0;
  const run = async () => {
    most = Math.max(most, ++running);
    await wait(5);
    running -= 1;
    return pass;
  };
  const turns = new BriefTurns();
  const reports = await Promise.all(
    Array.from({ length: 40 }, () => runBriefly(runner(run), turns, plan, context())),
  );
  expect(reports).toEqual(Array(40).fill(expect.objectContaining({ outcome: 'passed' })));
  expect(most).toBe(8);
});

test('a program that runs for longer goes on: the result says which execution that is', async () => {
  const reasons: unknown[] = [];
  const run = (request: RunRequest, given: RunContext) =>
    endless(request, given).finally(() => reasons.push((given.signal.reason as Error).message));
  const began = performance.now();
  expect(await runBriefly(runner(run), new BriefTurns(), plan, context())).toEqual({
    unfinished: { since: 7, executions: { run: 'e1' }, executedAgain: false, over: true },
  });
  expect(performance.now() - began).toBeLessThan(2_000);
  // The adapter leaves a run alone that ends with this reason (infrastructure/kubernetes/testPod/testRunner.ts).
  expect(reasons).toEqual(['CONTINUES_LATER']);
});

test('while a long program keeps the pod busy, the others of its user do not wait for their turn', async () => {
  const turns = new BriefTurns();
  const all = Array.from({ length: 70 }, () => runBriefly(runner(endless), turns, plan, context()));
  const began = performance.now();
  const results = await Promise.all(all);
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(
    results.filter((result) => 'unfinished' in result && !result.unfinished.executions.run),
  ).toHaveLength(62);
  // Another round gets its turns.
  expect(
    await runBriefly(
      runner(() => Promise.resolve(pass)),
      turns,
      plan,
      context(),
    ),
  ).toMatchObject({
    outcome: 'passed',
  });
});

test('a pod that is busy with runs whose turn it is, is asked again until the time is over', async () => {
  let asked = 0;
  const busyFor = (times: number) => () =>
    ++asked <= times ? Promise.reject(platformError('TestPodBusy', 'others')) : Promise.resolve(pass);
  expect(await runBriefly(runner(busyFor(3)), new BriefTurns(), plan, context())).toMatchObject({
    outcome: 'passed',
  });
  expect(asked).toBe(4);
  asked = 0;
  expect(await runBriefly(runner(busyFor(1_000)), new BriefTurns(), plan, context())).toEqual({
    unfinished: { since: 7, executions: {}, executedAgain: false, over: true },
  });
});

test.each([
  ['Unavailable', { unfinished: { since: 7, executions: {}, executedAgain: false, over: true } }],
  ['EnvironmentMissing', { deferred: 'no pod', steps: [], tests: [], executedAgain: false }],
])('the failure %s of the platform is left to what comes next', async (name, result) => {
  const run = () => Promise.reject(platformError(name, 'no pod'));
  expect(await runBriefly(runner(run), new BriefTurns(), plan, context())).toEqual(result);
});

test('after a lost workflow task, it is unknown what had begun', async () => {
  const run = () => Promise.reject(platformError('EnvironmentMissing', 'no pod'));
  expect(await runBriefly(runner(run), new BriefTurns(), plan, context({ previousAttempt: {} }))).toEqual({
    unfinished: { since: 7, executions: {}, executedAgain: false, over: false },
  });
});

test('a supervisor that started after the submission cannot know what a lost task had executed', async () => {
  const run = (_: RunRequest, { onSupervisor }: RunContext) => {
    onSupervisor?.(8);
    return Promise.resolve(pass);
  };
  const tested = (previousAttempt: TestContext['previousAttempt']) =>
    runBriefly(runner(run), new BriefTurns(), plan, context({ previousAttempt }));
  expect(await tested({})).toMatchObject({ outcome: 'passed', executedAgain: true });
  expect(await tested(null)).toMatchObject({ outcome: 'passed', executedAgain: false });
});

test('a cancelled activity ends, and the run with it', async () => {
  const cancelling = new AbortController();
  const reasons: unknown[] = [];
  const run = (request: RunRequest, given: RunContext) =>
    endless(request, given).finally(() => reasons.push(given.signal.reason));
  const tests = runBriefly(runner(run), new BriefTurns(), plan, context({ signal: cancelling.signal }));
  const cancelled = new Error('CANCELLED');
  setTimeout(() => cancelling.abort(cancelled), 20);
  await expect(tests).rejects.toBe(cancelled);
  expect(reasons).toEqual([cancelled]);
});
