/** Tests that end within about a second, for the local activity `runBriefTests`. */
import { setTimeout as wait } from 'node:timers/promises';
import type { PlatformFailure, TestRunner } from './ports';
import { NO_EXECUTIONS, runPlanOrDefer, type TestContext, type TestPlan } from './testing';
import type { DeferredTests, TestReport, UnfinishedTests } from './testReport';

/**
 * How long brief tests may take, with their wait for the test pod, in milliseconds. Until they end, their
 * workflow task stays open, and signals and cancellations wait for it.
 */
const BRIEF_MS = 1_000;

/** How many tests of one user this worker has in the test pod at once. The others wait here. */
const MAX_IN_POD = 8;

/** How many wait: so one user's tests keep few of a worker's workflow tasks open. */
const MAX_WAITING = 56;

/** Pause before a pod is asked again that has runs whose turn it is, in milliseconds. */
const ASK_AGAIN_MS = 25;

/** The reason with which an attempt ends whose run goes on in the pod, for a later attempt. */
const LATER = 'CONTINUES_LATER';

const BUSY: PlatformFailure = 'TestPodBusy';

interface Turns {
  running: number;
  waiting: ((granted: boolean) => void)[];
}

/** The turns of each user's brief tests in this worker. */
export class BriefTurns {
  private readonly users = new Map<string, Turns>();

  /**
   * Waits for a turn, which the caller must end with `leave`.
   * @returns false if there is none
   */
  enter(userId: string): Promise<boolean> {
    const turns = this.users.get(userId) ?? { running: 0, waiting: [] };
    this.users.set(userId, turns);
    if (turns.running < MAX_IN_POD) {
      turns.running += 1;
      return Promise.resolve(true);
    }
    if (turns.waiting.length >= MAX_WAITING) return Promise.resolve(false);
    return new Promise((resolve) => turns.waiting.push(resolve));
  }

  /** @param isLong whether a program keeps the pod busy for longer: then no other gets its turn in time */
  leave(userId: string, isLong: boolean): void {
    const turns = this.users.get(userId);
    if (!turns) return;
    if (isLong) for (const refuse of turns.waiting.splice(0)) refuse(false);
    const next = turns.waiting.shift();
    if (next) next(true);
    else if (--turns.running === 0) this.users.delete(userId);
  }
}

/**
 * Runs tests if the pod is free and they end in time. Otherwise what they began goes on in the pod, and the
 * result says what that is. A failure of the platform is not reported either: the next attempt will meet it.
 * @throws only if the activity was cancelled
 */
export async function runBriefly(
  runner: TestRunner,
  turns: BriefTurns,
  plan: TestPlan,
  context: Omit<TestContext, 'heartbeat'>,
): Promise<TestReport | DeferredTests | UnfinishedTests> {
  const { userId } = plan;
  const { signal, scheduledAt: since, previousAttempt } = context;
  const deadline = performance.now() + BRIEF_MS;
  let { executions, executedAgain, over } = NO_EXECUTIONS;
  const unfinished = () => {
    return { unfinished: { since, executions, executedAgain, over: over && previousAttempt === null } };
  };
  if (!(await turns.enter(userId))) return unfinished();

  const later = new AbortController();
  const timer = setTimeout(() => later.abort(new Error(LATER)), deadline - performance.now());
  const onCancel = () => later.abort(signal.reason);
  signal.addEventListener('abort', onCancel);
  const heartbeat = (details: unknown) =>
    ({ executions, executedAgain, over } = details as typeof NO_EXECUTIONS);
  try {
    for (;;) {
      const patienceMs = Math.max(0, Math.round(deadline - performance.now()));
      try {
        return await runPlanOrDefer(
          runner,
          { ...plan, wait: { patienceMs } },
          { ...context, signal: later.signal, heartbeat },
        );
      } catch (error) {
        if ((error as Error).name !== BUSY) throw error;
        await wait(ASK_AGAIN_MS, undefined, { signal: later.signal });
      }
    }
  } catch (error) {
    if (signal.aborted) throw error;
    return unfinished();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onCancel);
    turns.leave(userId, later.signal.aborted);
  }
}
