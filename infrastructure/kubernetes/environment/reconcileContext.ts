import type { Kube } from '../api/client';
import { PlatformError } from '../api/errors';

/** One call of `ensure`, as its parts need it. */
export interface ReconcileContext {
  kube: Kube;
  userId: string;
  signal: AbortSignal;
  /** Time left, in milliseconds; at least 1. */
  timeLeft: () => number;
}

export function startReconciling(
  kube: Kube,
  userId: string,
  signal: AbortSignal,
  deadlineMs: number,
): ReconcileContext {
  const end = performance.now() + deadlineMs;
  return { kube, userId, signal, timeLeft: () => Math.max(1, end - performance.now()) };
}

/** @returns the answer of a wait. @throws PlatformError `Unavailable` when its time was up without one. */
export function inTime<T>(answer: T | null, waitedFor: string): T {
  if (answer === null) throw new PlatformError('Unavailable', `Timed out waiting until ${waitedFor}.`);
  return answer;
}
