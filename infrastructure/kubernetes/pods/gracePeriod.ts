import type { Problem } from './problem';

/** Measures how long a problem has lasted, and reports when that is too long. Create one for each wait. */
export class GracePeriod {
  private since = 0;
  private reason: string | null = null;

  /** @param now a monotonic clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @returns true when the same problem has lasted for its grace period without interruption */
  isOver(problem: Problem | null): boolean {
    if (problem === null) {
      this.reason = null;
      return false;
    }
    if (problem.reason !== this.reason) {
      this.reason = problem.reason;
      this.since = this.now();
    }
    return this.now() - this.since >= problem.graceMs;
  }
}
