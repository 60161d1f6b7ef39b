import type { Problem } from './problem';

/** Remembers since when a problem has been there, and says when it has lasted too long. One for each wait. */
export class GracePeriod {
  private since = 0;
  private reason: string | null = null;

  /** @param now a monotonic clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @returns true when the problem has been seen without a break for its grace or longer */
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
