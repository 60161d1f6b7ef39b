/** A submission whose tests wait for, or have, a turn in its user's test pod. */
export interface TestClaim {
  /** The workflow that waits, and receives a signal when its turn comes. */
  workflowId: string;
  /** When it was accepted, ISO 8601. This determines its place in the queue. */
  acceptedAt: string;
}

export interface TestQueueState {
  /** The claims whose turn it is. */
  holders: TestClaim[];
  /** The waiting claims, oldest first. */
  waiting: TestClaim[];
}

/** How many hold a turn at once: one that runs, and the next one, which the pod prepares meanwhile. */
const MAX_HOLDERS = 2;

/**
 * The turns of one user's submissions in the test pod, in the order accepted. The class has no side effects:
 * the caller notifies the workflows.
 */
export class TestTurns {
  /** Ids of the workflows to notify that it is their turn, oldest first. The caller removes each. */
  readonly notifications: string[] = [];
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

  /** Adds a claim. A repeated claim changes nothing; a holder is notified again. */
  claim(claim: TestClaim): void {
    const isSame = ({ workflowId }: TestClaim) => workflowId === claim.workflowId;
    if (this.holders.some(isSame)) {
      this.notifications.push(claim.workflowId);
      return;
    }
    if (this.waiting.some(isSame)) return;
    const lastOlder = this.waiting.findLastIndex((other) => isOlder(other, claim));
    this.waiting.splice(lastOlder + 1, 0, claim);
    this.grant();
  }

  /** Ends a turn, or the wait for one. */
  leave(workflowId: string): void {
    for (const claims of [this.holders, this.waiting]) {
      const index = claims.findIndex((claim) => claim.workflowId === workflowId);
      if (index >= 0) claims.splice(index, 1);
    }
    this.grant();
  }

  /** Notifies the holders again, to detect which of them have ended. @returns false if there are none */
  probeHolders(): boolean {
    this.notifications.push(...this.holders.map(({ workflowId }) => workflowId));
    return this.holders.length > 0;
  }

  private grant(): void {
    while (this.holders.length < MAX_HOLDERS && this.waiting.length > 0) {
      const next = this.waiting.shift()!;
      this.holders.push(next);
      this.notifications.push(next.workflowId);
    }
  }
}

/** Compares times as strings, because all are in UTC, in the same format. */
function isOlder(one: TestClaim, other: TestClaim): boolean {
  if (one.acceptedAt !== other.acceptedAt) return one.acceptedAt < other.acceptedAt;
  return one.workflowId < other.workflowId;
}
