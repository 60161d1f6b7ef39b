import type { Kube } from '../api/client';
import { PlatformError } from '../api/errors';

/** What the parts of one call of `ensure` share. */
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

/** @returns the result of a wait. @throws PlatformError `Unavailable` when it timed out. */
export function inTime<T>(answer: T | null, waitedFor: string): T {
  if (answer === null) throw new PlatformError('Unavailable', `Timed out waiting until ${waitedFor}.`);
  return answer;
}
