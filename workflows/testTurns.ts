/** A submission whose tests wait for their turn in its user's test pod. */
export interface TestClaim {
  /** What waits, and is told of its turn. */
  workflowId: string;
  /** When it was accepted, ISO 8601: its place in the queue. */
  acceptedAt: string;
}

export interface TestQueueState {
  /** Whose turn it is. */
  holders: TestClaim[];
  /** Those that wait, oldest first. */
  waiting: TestClaim[];
}

/** One that runs, and the next, which the pod makes ready meanwhile. */
const AT_ONCE = 2;

/**
 * The turns of one user's submissions in the test pod, in the order in which they were accepted. Pure: whose turn has
 * come is for the caller to tell.
 */
export class TestTurns {
  /** Workflows to be told that it is their turn, oldest first. */
  readonly granted: string[] = [];
  private readonly holders: TestClaim[];
  private readonly waiting: TestClaim[];

  constructor({ holders, waiting }: TestQueueState) {
    this.holders = [...holders];
    this.waiting = [...waiting];
    this.grant();
  }

  get state(): TestQueueState {
    return { holders: this.holders, waiting: this.waiting };
  }

  /** Takes a claim in. A repeat changes nothing; of a holder, it gets its answer again. */
  claim(claim: TestClaim): void {
    const isSame = ({ workflowId }: TestClaim) => workflowId === claim.workflowId;
    if (this.holders.some(isSame)) {
      this.granted.push(claim.workflowId);
      return;
    }
    if (this.waiting.some(isSame)) return;
    const before = this.waiting.findLastIndex((other) => isOlder(other, claim));
    this.waiting.splice(before + 1, 0, claim);
    this.grant();
  }

  /** Ends a turn, or a wait for one. */
  leave(workflowId: string): void {
    for (const claims of [this.holders, this.waiting]) {
      const index = claims.findIndex((claim) => claim.workflowId === workflowId);
      if (index >= 0) claims.splice(index, 1);
    }
    this.grant();
  }

  /** Grants the holders their turn again: one that has ended is found by that. */
  repeat(): void {
    this.granted.push(...this.holders.map(({ workflowId }) => workflowId));
  }

  private grant(): void {
    while (this.holders.length < AT_ONCE && this.waiting.length > 0) {
      const next = this.waiting.shift()!;
      this.holders.push(next);
      this.granted.push(next.workflowId);
    }
  }
}

/** Times of the same form are compared as they are written. */
function isOlder(one: TestClaim, other: TestClaim): boolean {
  if (one.acceptedAt !== other.acceptedAt) return one.acceptedAt < other.acceptedAt;
  return one.workflowId < other.workflowId;
}
