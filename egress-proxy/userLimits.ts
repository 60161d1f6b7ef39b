/** How much of the proxy one user may have. */
export interface UserLimits {
  /** Connections and requests at the same time. */
  open: number;
  /** Connections and requests begun within a minute. */
  perMinute: number;
}

const MINUTE_MS = 60_000;

interface Use {
  open: number;
  begun: number;
  /** When the minute that `begun` counts started. */
  since: number;
}

/** Counts what each user has open, and begins. */
export class Usage {
  private readonly users = new Map<string, Use>();

  constructor(
    private readonly limits: UserLimits,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns a function to call once at the end, or why the user may not begin another one */
  begin(userId: string): { end: () => void } | { refused: string; isFirst: boolean } {
    const use = this.useOf(userId);
    use.begun++;
    if (use.begun > this.limits.perMinute)
      return {
        refused: `${this.limits.perMinute} connections a minute are allowed; try again in a minute`,
        isFirst: use.begun === this.limits.perMinute + 1,
      };
    if (use.open >= this.limits.open)
      return {
        refused: `${this.limits.open} connections at a time are allowed; close one first`,
        isFirst: true,
      };
    use.open++;
    let ended = false;
    return {
      end: () => {
        if (!ended) use.open--;
        ended = true;
      },
    };
  }

  private useOf(userId: string): Use {
    const now = this.now();
    const known = this.users.get(userId);
    if (known && now - known.since < MINUTE_MS) return known;
    if (known === undefined) this.forgetIdle(now);
    const use = known ?? { open: 0, begun: 0, since: now };
    Object.assign(use, { begun: 0, since: now });
    this.users.set(userId, use);
    return use;
  }

  private forgetIdle(now: number): void {
    for (const [userId, { open, since }] of this.users)
      if (open === 0 && now - since >= MINUTE_MS) this.users.delete(userId);
  }
}
