import type { KeyLimits } from '../limits';
import type { Principal } from './principal';

/** Counts what one key does, over all of its connections to this gateway, and says when it must wait or stop. */
export interface Quota {
  /** `limits.connections` is not counted here: webSocketServer.ts checks it before it opens a WebSocket. */
  readonly limits: KeyLimits;
  /** Counts one message. @returns 0 if it is allowed, otherwise the seconds until the next one is */
  takeMessage(): number;
  /** Counts one submission. @returns 0 if it is allowed, otherwise the seconds until the next one is */
  takeSubmission(): number;
  /** Counts one more followed submission. @returns a function to call when following ends; null at the limit */
  follow(): (() => void) | null;
}

export class Quotas {
  private readonly byKey = new Map<string, Quota>();

  constructor(private readonly limits: KeyLimits) {}

  of({ keyId, userId }: Principal): Quota {
    // An admin key: limits protect the platform from its users.
    if (userId === null) return UNLIMITED;
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
    takeMessage: () => messages.take(),
    takeSubmission: () => submissions.take(),
    follow() {
      if (followed >= limits.followed) return null;
      followed += 1;
      return () => void (followed -= 1);
    },
  };
}

const UNLIMITED: Quota = {
  limits: {
    messagesPerSecond: Infinity,
    messageBurst: Infinity,
    submissionsPerMinute: Infinity,
    followed: Infinity,
    connections: Infinity,
  },
  takeMessage: () => 0,
  takeSubmission: () => 0,
  follow: () => () => undefined,
};

/** Holds up to `capacity` tokens, and gains `perSecond` of them each second. */
export class TokenBucket {
  private tokens: number;
  private refilledAt: number;

  constructor(
    private readonly capacity: number,
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.tokens = capacity;
    this.refilledAt = now();
  }

  /** Takes a token. @returns 0, or the whole seconds until one is available */
  take(): number {
    const now = this.now();
    this.tokens = Math.min(this.capacity, this.tokens + ((now - this.refilledAt) / 1000) * this.perSecond);
    this.refilledAt = now;
    if (this.tokens < 1) return Math.ceil((1 - this.tokens) / this.perSecond);
    this.tokens -= 1;
    return 0;
  }
}
