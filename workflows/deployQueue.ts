/** A request for the turn to change a user's production. */
export interface Claim {
  /** The workflow that waits for its turn and is notified of the decision. */
  workflowId: string;
  /** The id of the submission or operation, for reports. */
  id: string;
  /** The same for people: `submission 3f0c…`. */
  name: string;
  /** When it was accepted, ISO 8601. This determines its place in the queue. */
  acceptedAt: string;
  /** When Temporal started it, in milliseconds: the order of claims accepted in the same millisecond. */
  startedAt: number;
  /**
   * Whether a newer claim supersedes it while it waits. A deletion is never superseded: it was requested
   * explicitly.
   */
  yields: boolean;
}

/** The decision on a claim: it is its turn, or a newer claim superseded it. */
export type Turn = { granted: true } | { granted: false; by: Pick<Claim, 'id' | 'name'> };

export interface DeployQueueState {
  /** The claim whose turn it is. It may be in the middle of its change. */
  holder: Claim | null;
  /** The waiting claims, oldest first. */
  waiting: Claim[];
  /** The newest claim that was carried out. */
  last: Claim | null;
}

/** Notifies a workflow that its claim was granted or superseded. */
interface Notification {
  workflowId: string;
  turn: Turn;
}

/**
 * Orders the changes of one user's production: one at a time, in the order accepted. A newer claim supersedes
 * the waiting ones that yield. The class has no side effects: the caller
 * notifies the workflows.
 */
export class DeployQueue {
  /** Notifications to send, oldest first. The caller removes each. */
  readonly notifications: Notification[] = [];
  holder: Claim | null;
  waiting: Claim[];
  private last: Claim | null;

  constructor({ holder, waiting, last }: DeployQueueState) {
    this.holder = holder;
    this.last = last;
    this.waiting = [];
    for (const claim of waiting) this.claim(claim);
    this.next();
  }

  get state(): DeployQueueState {
    return { holder: this.holder, waiting: this.waiting, last: this.last };
  }

  /** Adds a claim, or decides it at once. A repeated claim changes nothing; the holder is notified again. */
  claim(claim: Claim): void {
    if (this.holder?.workflowId === claim.workflowId) return this.notify(claim, { granted: true });
    if (this.waiting.some((other) => other.workflowId === claim.workflowId)) return;

    const newer = newestOf(
      [this.holder, ...this.waiting, this.last].filter((other) => isNewer(other, claim)),
    );
    if (newer && claim.yields) return this.supersede(claim, newer);

    const older = this.waiting.filter((other) => other.yields && isNewer(claim, other));
    for (const other of older) this.supersede(other, claim);
    this.waiting = [...this.waiting.filter((other) => !older.includes(other)), claim].sort(byAge);
    this.next();
  }

  /** Ends a turn, or the wait for one. @param done whether the change was carried out */
  leave(workflowId: string, done: boolean): void {
    this.waiting = this.waiting.filter((claim) => claim.workflowId !== workflowId);
    if (this.holder?.workflowId !== workflowId) return;
    if (done) this.last = newestOf([this.last, this.holder].filter((claim) => claim !== null));
    this.holder = null;
    this.next();
  }

  /** Notifies the holder again, before others, to detect whether it has ended. @returns false if there is none */
  probeHolders(): boolean {
    if (this.holder === null) return false;
    this.notifications.unshift({ workflowId: this.holder.workflowId, turn: { granted: true } });
    return true;
  }

  private next(): void {
    if (this.holder !== null) return;
    this.holder = this.waiting.shift() ?? null;
    if (this.holder !== null) this.notify(this.holder, { granted: true });
  }

  private supersede(claim: Claim, { id, name }: Claim): void {
    this.notify(claim, { granted: false, by: { id, name } });
  }

  private notify({ workflowId }: Claim, turn: Turn): void {
    this.notifications.push({ workflowId, turn });
  }
}

function isNewer(claim: Claim | null, than: Claim): claim is Claim {
  return claim !== null && byAge(claim, than) > 0;
}

function newestOf(claims: Claim[]): Claim | null {
  return [...claims].sort(byAge).at(-1) ?? null;
}

/** A total order: by time, then by workflow id, which is unique. */
function byAge(one: Claim, other: Claim): number {
  return (
    Date.parse(one.acceptedAt) - Date.parse(other.acceptedAt) ||
    one.startedAt - other.startedAt ||
    (one.workflowId < other.workflowId ? -1 : Number(one.workflowId > other.workflowId))
  );
}
