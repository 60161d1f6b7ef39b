import type { IncomingMessage } from 'node:http';
import type { KeyDirectory } from '../../infrastructure/kubernetes/keys';
import { authentication, type Known } from './authentication';
import type { Principal } from './principal';
import { createSessions, type Sessions } from './sessions';

/** Why a request is refused, as its answer says it. */
export interface Refusal {
  status: number;
  error: string;
  message: string;
  /** For the header Retry-After. */
  retryAfterSeconds?: number;
}

export type Identified = { principal: Principal; refused?: never } | { principal?: never; refused: Refusal };

/** Tells who sends a request. */
export interface Access {
  sessions: Sessions;
  /** By a key, whoever presents it. */
  byKey(key: string | undefined, whenInvalid?: string): Identified;
  /** By the header X-API-Key, or by the cookie of a login if the request comes from our own page. */
  identify(request: IncomingMessage): Identified;
  /** Whether it is still valid what was valid before: false as soon as a key is revoked or expired. */
  stillValid(principal: Principal): boolean;
}

export const COOKIE = 'orchestration_session';

/** Until the keys are known again, most likely. */
const UNKNOWN_RETRY_SECONDS = 5;

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
      const cookie = cookieOf(request);
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

function answerFor(known: Known, whenInvalid: string): Identified {
  if (known === 'invalid') return refuse(401, 'unauthorized', whenInvalid);
  if (known !== 'unknown') return { principal: known };
  const message = 'keys cannot be read at the moment: try again';
  return {
    refused: { status: 503, error: 'unavailable', message, retryAfterSeconds: UNKNOWN_RETRY_SECONDS },
  };
}

/**
 * Whether a request that carries a cookie was made by our own page: a browser names the page in Origin for
 * everything but plain reading, and says for reading whether it is of the same origin.
 */
export function isOwnPage({ method, headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin !== undefined) return URL.canParse(origin) && new URL(origin).host === host;
  return (method === 'GET' || method === 'HEAD') && headers.upgrade === undefined;
}

function cookieOf({ headers }: IncomingMessage): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

function refuse(status: number, error: string, message: string): Identified {
  return { refused: { status, error, message } };
}
