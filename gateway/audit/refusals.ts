/** Documents about refusals of one address in a minute; more are counted and told in one. */
const MOST = 20;
const WITHIN_MS = 60_000;

/** Addresses that are told apart; all others share one count. */
const MOST_ADDRESSES = 1_000;

interface Count {
  since: number;
  noted: number;
  suppressed: number;
}

/** Keeps whoever has no key from filling the audit: each address is heard so often a minute. */
export class Refusals {
  private readonly counts = new Map<string, Count>();

  constructor(private readonly now: () => number = Date.now) {}

  /** @returns whether it is noted, and how many of the minute before were not */
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

  /** Those of minutes that are over and that nobody followed: address and how many were not noted. */
  sweep(): [address: string, suppressed: number][] {
    const over = [...this.counts].filter(([, { since }]) => this.now() - since >= WITHIN_MS);
    for (const [address] of over) this.counts.delete(address);
    return over.flatMap(([address, { suppressed }]): [string, number][] =>
      suppressed > 0 ? [[address, suppressed]] : [],
    );
  }
}
