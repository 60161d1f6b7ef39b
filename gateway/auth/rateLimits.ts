import type { KeyLimits } from '../limits';
import type { Principal } from './principal';

/** What is left of a key's limits, shared by all of its connections. */
export interface Quota {
  readonly limits: KeyLimits;
  /** Takes one message. @returns 0, or the seconds until the next one is allowed */
  message(): number;
  /** The same for a submission. */
  submission(): number;
  /** Follows one more submission. @returns a function that ends it, or null if the key follows too many */
  follow(): (() => void) | null;
}

export class Quotas {
  private readonly byKey = new Map<string, Quota>();

  constructor(private readonly limits: KeyLimits) {}

  of({ keyId, userId }: Principal): Quota {
    if (userId === null) return UNBOUND;
    const known = this.byKey.get(keyId);
    if (known) return known;
    const quota = quotaOf(this.limits);
    this.byKey.set(keyId, quota);
    return quota;
  }
}

function quotaOf(limits: KeyLimits): Quota {
  const messages = new TokenBucket(limits.messageBurst, limits.messagesPerSecond);
  const submissions = new TokenBucket(limits.submissionsPerMinute, limits.submissionsPerMinute / 60);
  let followed = 0;
  return {
    limits,
    message: () => messages.take(),
    submission: () => submissions.take(),
    follow() {
      if (followed >= limits.followed) return null;
      followed += 1;
      return () => void (followed -= 1);
    },
  };
}

const UNBOUND: Quota = {
  limits: {
    messagesPerSecond: Infinity,
    messageBurst: Infinity,
    submissionsPerMinute: Infinity,
    followed: Infinity,
    connections: Infinity,
  },
  message: () => 0,
  submission: () => 0,
  follow: () => () => undefined,
};

/** Holds up to `most` tokens, and gains `perSecond` of them each second. */
export class TokenBucket {
  private tokens: number;
  private at: number;

  constructor(
    private readonly most: number,
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.tokens = most;
    this.at = now();
  }

  /** Takes a token. @returns 0, or the whole seconds until one is available */
  take(): number {
    const now = this.now();
    this.tokens = Math.min(this.most, this.tokens + ((now - this.at) / 1000) * this.perSecond);
    this.at = now;
    if (this.tokens < 1) return Math.ceil((1 - this.tokens) / this.perSecond);
    this.tokens -= 1;
    return 0;
  }
}
