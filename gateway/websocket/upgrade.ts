import type { IncomingMessage } from 'node:http';
import type { Access, Refusal } from '../auth/access';
import type { Principal } from '../auth/principal';

/** What an upgrade request asks for, or why it is refused. */
export type Admission = { progress: boolean; principal: Principal; refused?: never } | { refused: Refusal };

/** Seconds after which a key with too many connections may try again. */
const FULL_RETRY_SECONDS = 5;

/**
 * Decides whether to accept an upgrade request, before a WebSocket exists.
 * @param hasRoom whether the principal may open another connection
 */
export function admit(
  request: IncomingMessage,
  access: Access,
  hasRoom: (principal: Principal) => boolean,
): Admission {
  const url = parse(request.url);
  if (url?.pathname !== '/ws/code') return refuse(404, 'not_found', 'WebSockets are served at /ws/code');
  const identified = access.identify(request);
  if (identified.refused) return identified;
  if (!hasRoom(identified.principal)) {
    const message = 'this key has as many connections as it may: close one, or wait';
    const refused = { status: 429, error: 'too_many_connections', message };
    return { refused: { ...refused, retryAfterSeconds: FULL_RETRY_SECONDS } };
  }
  const progress = url.searchParams.get('progress') ?? 'true';
  if (progress !== 'true' && progress !== 'false')
    return refuse(400, 'invalid_parameter', 'progress must be true or false');
  return { progress: progress === 'true', principal: identified.principal };
}

function refuse(status: number, error: string, message: string): Admission {
  return { refused: { status, error, message } };
}

function parse(url: string | undefined): URL | null {
  const absolute = `http://gateway${url?.startsWith('/') ? url : '/'}`;
  return URL.canParse(absolute) ? new URL(absolute) : null;
}
