import type { IncomingMessage } from 'node:http';
import type { KeyDirectory } from '../../infrastructure/kubernetes/keys';
import { authentication, type KeyCheck } from './authentication';
import type { Principal } from './principal';
import { sessionTokenOf } from './sessionCookie';
import { createSessions, type Sessions } from './sessions';

/** Why a request is refused, as the response states it. */
export interface Refusal {
  status: number;
  error: string;
  message: string;
  /** Value of the header Retry-After. */
  retryAfterSeconds?: number;
}

export type Identified = { principal: Principal; refused?: never } | { principal?: never; refused: Refusal };

/** Identifies who sends a request. */
export interface Access {
  sessions: Sessions;
  /** Identifies the sender by a key. */
  byKey(key: string | undefined, whenInvalid?: string): Identified;
  /**
   * Identifies the sender by the header X-API-Key, or by the session cookie if our own page sent the request.
   */
  identify(request: IncomingMessage): Identified;
  /** Whether an identified sender is still valid: false as soon as its key is revoked or has expired. */
  stillValid(principal: Principal): boolean;
}

/** By then, keys can most likely be read again. */
const KEYS_RETRY_SECONDS = 5;

export function createAccess(apiKey: string, directory: KeyDirectory | null): Access {
  const keys = authentication(apiKey, directory);
  const sessions = createSessions(apiKey, keys);
  const byKey = (key: string | undefined, whenInvalid = 'send a valid key in the header X-API-Key') =>
    answerFor(keys.byKey(key), whenInvalid);
  return {
    sessions,
    byKey,
    identify(request) {
      const key = request.headers['x-api-key'];
      const cookie = sessionTokenOf(request);
      if (key !== undefined || cookie === undefined) return byKey(Array.isArray(key) ? undefined : key);
      if (!isOwnPage(request))
        return refuse(
          403,
          'foreign_origin',
          'the Origin of a request with a cookie must be the gateway itself',
        );
      return answerFor(sessions.read(cookie), 'the login is over: log in again');
    },
    stillValid({ keyId, expiresAt }) {
      if (expiresAt !== null && expiresAt <= Date.now()) return false;
      return keys.byId(keyId) !== 'invalid';
    },
  };
}

function answerFor(check: KeyCheck, whenInvalid: string): Identified {
  if (check === 'invalid') return refuse(401, 'unauthorized', whenInvalid);
  if (check !== 'unavailable') return { principal: check };
  const message = 'keys cannot be read at the moment: try again';
  return {
    refused: { status: 503, error: 'unavailable', message, retryAfterSeconds: KEYS_RETRY_SECONDS },
  };
}

/**
 * Whether a request with a cookie was sent by our own page. A browser sends Origin with everything but plain
 * reads. For reads, it sends Sec-Fetch-Site, which says whether the page is of the same origin.
 */
export function isOwnPage({ method, headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin !== undefined) return URL.canParse(origin) && new URL(origin).host === host;
  return (method === 'GET' || method === 'HEAD') && headers.upgrade === undefined;
}

function refuse(status: number, error: string, message: string): Identified {
  return { refused: { status, error, message } };
}
