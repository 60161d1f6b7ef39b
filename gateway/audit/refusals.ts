/** Refusals of one address that are recorded in a minute. Further ones are only counted. */
const MOST = 20;
const WITHIN_MS = 60_000;

/** Addresses that are counted separately. All others share one count. */
const MOST_ADDRESSES = 1_000;

interface Count {
  since: number;
  noted: number;
  suppressed: number;
}

/**
 * Limits how many refusals of an address are recorded, so that clients without a key cannot fill the audit.
 */
export class Refusals {
  private readonly counts = new Map<string, Count>();

  constructor(private readonly now: () => number = Date.now) {}

  /**
   * Counts a refusal.
   * @returns whether to record it, and how many were not recorded in the previous minute
   */
  take(address: string): { noted: boolean; suppressed: number } {
    const known = this.counts.has(address) || this.counts.size < MOST_ADDRESSES ? address : 'others';
    const before = this.counts.get(known);
    if (before && this.now() - before.since < WITHIN_MS) {
      const noted = before.noted < MOST;
      if (noted) before.noted += 1;
      else before.suppressed += 1;
      return { noted, suppressed: 0 };
    }
    this.counts.set(known, { since: this.now(), noted: 1, suppressed: 0 });
    return { noted: true, suppressed: before?.suppressed ?? 0 };
  }

  /**
   * Removes the counts of past minutes.
   * @returns addresses with refusals that were not recorded, and how many
   */
  sweep(): [address: string, suppressed: number][] {
    const over = [...this.counts].filter(([, { since }]) => this.now() - since >= WITHIN_MS);
    for (const [address] of over) this.counts.delete(address);
    return over.flatMap(([address, { suppressed }]): [string, number][] =>
      suppressed > 0 ? [[address, suppressed]] : [],
    );
  }
}
