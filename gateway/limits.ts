/** How much a user's key may do on one gateway. Admin keys are not bound by it. */
export interface KeyLimits {
  messagesPerSecond: number;
  /** Messages that may come at once after a silence. */
  messageBurst: number;
  submissionsPerMinute: number;
  /** Submissions and resumed ones that are followed at the same time, on all connections together. */
  followed: number;
  connections: number;
}

/** Every bound of the edge, with its default. docs/protocol.md says what a client sees at each. */
export interface Limits {
  /** Largest WebSocket message, in bytes. A larger one closes the connection (1009). */
  maxMessageBytes: number;
  /** Submissions that one connection may have under way. One more gets an error frame. */
  maxInFlight: number;
  /** What the key of a user may do on one gateway. */
  perKey: KeyLimits;
  /** Messages in a row beyond the rate of their key, after which the connection is closed (4029). */
  maxRefusedMessages: number;
  /** Bytes that may wait to be read by one client before its connection is closed (4001). */
  maxBufferedBytes: number;
  /** Between two pings, in milliseconds. A client that did not answer the last one is cut off. */
  pingIntervalMs: number;
  /** How long a closing handshake may take before the socket is destroyed, in milliseconds. */
  closeTimeoutMs: number;
  /** How long one question to Temporal may take when a client waits for its answer, in milliseconds. */
  callTimeoutMs: number;
  /** The same for the readiness check, in milliseconds: below the usual timeout of a probe. */
  readyTimeoutMs: number;
  /** How long logs are followed in one request, in milliseconds; a client then comes back and goes on. */
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
  maxRefusedMessages: 200,
  maxBufferedBytes: 4_194_304,
  pingIntervalMs: 30_000,
  closeTimeoutMs: 5_000,
  callTimeoutMs: 10_000,
  readyTimeoutMs: 2_000,
  followLogsMs: 3_600_000,
};

/**
 * Limits that go with a largest size of code: a newline or a quote takes two bytes in JSON, so a message
 * may be twice as long as the code in it.
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
