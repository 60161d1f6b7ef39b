/** Who wants to change what a user has in production, and since when. */
export interface Claim {
  /** What waits for its turn, and is told of it. */
  workflowId: string;
  /** Id of the submission or operation, as others are told of it. */
  id: string;
  /** The same for people: `submission 3f0c…`. */
  name: string;
  /** When it was accepted, ISO 8601: its place in the order. */
  acceptedAt: string;
  /** When Temporal started it, in milliseconds: its place among those accepted in the same millisecond. */
  startedAt: number;
  /** Whether a newer one takes its place while it waits. A deletion does not yield: it was asked for. */
  yields: boolean;
}

/** What a claim comes to. */
export type Turn = { granted: true } | { granted: false; by: Pick<Claim, 'id' | 'name'> };

export interface DeployQueueState {
  /** Whose turn it is: it may be in the middle of its change. */
  holder: Claim | null;
  /** Those that wait, oldest first. */
  waiting: Claim[];
  /** The newest one that was carried out. */
  last: Claim | null;
}

export interface Answer {
  workflowId: string;
  turn: Turn;
}

/**
 * The order of one user's changes: one at a time, in the order in which they were accepted; of those that
 * wait, only the newest. Pure: answers are for the caller to deliver.
 */
export class DeployQueue {
  /** Not delivered yet, oldest first. */
  readonly answers: Answer[] = [];
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

  /** Takes a claim in, or answers it. A repeat changes nothing, and gets its answer again. */
  claim(claim: Claim): void {
    if (this.holder?.workflowId === claim.workflowId) return this.answer(claim, { granted: true });
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

  /** Ends a turn, or a wait for one. @param done whether what was claimed for has come to be */
  leave(workflowId: string, done: boolean): void {
    this.waiting = this.waiting.filter((claim) => claim.workflowId !== workflowId);
    if (this.holder?.workflowId !== workflowId) return;
    if (done) this.last = newestOf([this.last, this.holder].filter((claim) => claim !== null));
    this.holder = null;
    this.next();
  }

  private next(): void {
    if (this.holder !== null) return;
    this.holder = this.waiting.shift() ?? null;
    if (this.holder !== null) this.answer(this.holder, { granted: true });
  }

  private supersede(claim: Claim, { id, name }: Claim): void {
    this.answer(claim, { granted: false, by: { id, name } });
  }

  private answer({ workflowId }: Claim, turn: Turn): void {
    this.answers.push({ workflowId, turn });
  }
}

function isNewer(claim: Claim | null, than: Claim): claim is Claim {
  return claim !== null && byAge(claim, than) > 0;
}

function newestOf(claims: Claim[]): Claim | null {
  return [...claims].sort(byAge).at(-1) ?? null;
}

/** A total order, the same for everyone who compares: by time, then by what is never equal. */
function byAge(one: Claim, other: Claim): number {
  return (
    Date.parse(one.acceptedAt) - Date.parse(other.acceptedAt) ||
    one.startedAt - other.startedAt ||
    (one.workflowId < other.workflowId ? -1 : Number(one.workflowId > other.workflowId))
  );
}
