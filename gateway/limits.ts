/** Limits of a user's key on one gateway. They do not apply to admin keys. */
export interface KeyLimits {
  messagesPerSecond: number;
  /** Messages that may be sent at once after an idle period. */
  messageBurst: number;
  submissionsPerMinute: number;
  /**
   * Submissions that may be followed at the same time, including resumed ones, over all connections together.
   */
  followed: number;
  connections: number;
}

/** All limits of the gateway. docs/protocol.md describes what a client sees at each of them. */
export interface Limits {
  /** Largest WebSocket message, in bytes. A larger one closes the connection (1009). */
  maxMessageBytes: number;
  /** Submissions that one connection may have in progress. The next one gets an error frame. */
  maxInFlight: number;
  perKey: KeyLimits;
  /** Requests and WebSockets to the program of one user that one gateway forwards at the same time. */
  requestsPerProgram: number;
  /** Consecutive messages over the key's rate limit, after which the connection is closed (4029). */
  maxRefusedMessages: number;
  /** Bytes that may be buffered for a slow client before its connection is closed (4001). */
  maxBufferedBytes: number;
  /** Interval between pings, in milliseconds. A client that did not answer the last one is disconnected. */
  pingIntervalMs: number;
  /** How long a closing handshake may take before the socket is destroyed, in milliseconds. */
  closeTimeoutMs: number;
  /** Timeout of a call to Temporal that a client waits for, in milliseconds. */
  callTimeoutMs: number;
  /** Timeout of the readiness check, in milliseconds. Shorter than the usual timeout of a probe. */
  readyTimeoutMs: number;
  /** How long one request may follow logs, in milliseconds. The client then reconnects and continues. */
  followLogsMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxMessageBytes: 1_048_576,
  maxInFlight: 32,
  perKey: {
    messagesPerSecond: 20,
    messageBurst: 100,
    submissionsPerMinute: 120,
    followed: 64,
    connections: 50,
  },
  requestsPerProgram: 256,
  maxRefusedMessages: 200,
  maxBufferedBytes: 4_194_304,
  pingIntervalMs: 30_000,
  closeTimeoutMs: 5_000,
  callTimeoutMs: 10_000,
  readyTimeoutMs: 2_000,
  followLogsMs: 3_600_000,
};

/**
 * Limits for a maximum code size. A newline or a quote takes two bytes in JSON, so a message may be twice as
 * long as the code in it.
 */
export function limitsFor(maxCodeBytes: number): Limits {
  return {
    ...DEFAULT_LIMITS,
    maxMessageBytes: Math.max(DEFAULT_LIMITS.maxMessageBytes, 2 * maxCodeBytes),
  };
}

/** Close codes that the gateway sends itself; the `ws` library adds 1002, 1007, 1008 and 1009. */
export const CLOSE = {
  failed: {
    code: 1011,
    reason: 'the gateway failed: reconnect and resume after the last cursor',
  },
  goingAway: {
    code: 1001,
    reason: 'the gateway is going down: reconnect and resume after the last cursor',
  },
  keyEnded: {
    code: 4003,
    reason: 'the key was revoked or has expired, or the login is over: log in again',
  },
  tooManyMessages: {
    code: 4029,
    reason: 'messages went on coming beyond the rate of the key: wait as long as errors say',
  },
  slowClient: {
    code: 4001,
    reason: 'too much is waiting to be read: reconnect and resume after the last cursor',
  },
} as const;
