/** Tests that end within about a second, for the local activity `runBriefTests`. */
import type { TestRunner } from './ports';
import { NO_EXECUTIONS, runPlanOrDefer, type TestContext, type TestPlan } from './testing';
import type { DeferredTests, TestReport, UnfinishedTests } from './testReport';

/**
 * How long brief tests may take, in milliseconds. Until they end, their workflow task stays open, and signals
 * and cancellations wait for it.
 */
const BRIEF_MS = 1_000;

/** How long they may wait until the test pod is free, in milliseconds. */
const WAIT_MS = 250;

/**
 * How many tests of one user are in the test pod at once; the others wait here. So one user's slow tests keep
 * few workflow tasks open.
 */
const MAX_OF_A_USER = 8;

/** The reason with which an attempt ends whose run goes on in the pod, for a later attempt. */
export const LATER = 'CONTINUES_LATER';

/** Limits how many of a user's brief tests are under way at once in this worker. */
export class BriefTurns {
  private readonly users = new Map<string, { running: number; waiting: (() => void)[] }>();

  /**
   * Waits for a turn. The caller must pass the turn on with `leave`.
   * @returns false if none came in time
   */
  async enter(userId: string, waitMs: number): Promise<boolean> {
    const turns = this.users.get(userId) ?? { running: 0, waiting: [] };
    this.users.set(userId, turns);
    if (turns.running < MAX_OF_A_USER) {
      turns.running += 1;
      return true;
    }
    return new Promise((resolve) => {
      const grant = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        turns.waiting.splice(turns.waiting.indexOf(grant), 1);
        resolve(false);
      }, waitMs);
      turns.waiting.push(grant);
    });
  }

  leave(userId: string): void {
    const turns = this.users.get(userId);
    if (!turns) return;
    const next = turns.waiting.shift();
    if (next) next();
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
  let { executions, executedAgain, over } = NO_EXECUTIONS;
  const unfinished = () => {
    return { unfinished: { since, executions, executedAgain, over: over && previousAttempt === null } };
  };
  const deadline = performance.now() + WAIT_MS;
  if (!(await turns.enter(userId, WAIT_MS))) return unfinished();
  const later = new AbortController();
  const timer = setTimeout(() => later.abort(new Error(LATER)), BRIEF_MS);
  const onCancel = () => later.abort(signal.reason);
  signal.addEventListener('abort', onCancel);
  try {
    const patienceMs = Math.max(0, Math.round(deadline - performance.now()));
    return await runPlanOrDefer(
      runner,
      { ...plan, wait: { patienceMs } },
      {
        ...context,
        signal: later.signal,
        heartbeat: (details) => ({ executions, executedAgain, over } = details as typeof NO_EXECUTIONS),
      },
    );
  } catch (error) {
    if (signal.aborted) throw error;
    return unfinished();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onCancel);
    turns.leave(userId);
  }
}
