import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Logger } from '../../infrastructure/logging';
import type { Audit } from '../audit/audit';
import type { ClientAddress } from '../auth/clientAddress';
import { sendJson } from './json';
import { COOKIE, isOwnPage, type Access, type Refusal } from '../auth/access';
import type { Principal } from '../auth/principal';

const MAX_BODY_BYTES = 4_096;

/** How many wrong keys one address may send, and in which time, in milliseconds. */
const TRIES = { most: 10, withinMs: 60_000 };

const loginBody = z.strictObject({ key: z.string().max(1_024) });

/**
 * Handles `POST /login`, `POST /logout` and `GET /session`, and ignores other paths.
 * @returns whether the request was one of them
 */
export type HandleLogin = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface LoginParts {
  access: Access;
  audit: Audit;
  logger: Logger;
  addressOf: ClientAddress;
}

export function loginHandler({ access, audit, logger, addressOf }: LoginParts): HandleLogin {
  const tries = new Tries();

  async function logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = addressOf(request) ?? '';
    const retryAfterSeconds = tries.waitFor(address);
    if (retryAfterSeconds > 0) return refuse(response, { ...TOO_MANY_TRIES, retryAfterSeconds });
    const body = loginBody.safeParse(await readJson(request));
    if (!body.success)
      return refuse(response, {
        status: 400,
        error: 'invalid_message',
        message: 'send {"key": "..."} as JSON, with the header Content-Type: application/json',
      });
    const identified = access.byKey(body.data.key, 'that is no valid key');
    if (identified.refused) {
      tries.note(address);
      logger.info({ remote: address, status: identified.refused.status }, 'login refused');
      const { status, error: code, message } = identified.refused;
      audit.note(request, { action: 'api.login', status, error: { code, message }, principal: null });
      return refuse(response, identified.refused);
    }
    const { principal } = identified;
    const { token, expiresAt } = access.sessions.issue(principal);
    logger.info({ keyId: principal.keyId, userId: principal.userId, remote: address }, 'logged in');
    audit.note(request, { action: 'api.login', status: 200, principal });
    response.setHeader('Set-Cookie', cookie(request, token, Math.ceil((expiresAt - Date.now()) / 1000)));
    sendJson(response, 200, describe({ ...principal, expiresAt }));
  }

  function logOut(request: IncomingMessage, response: ServerResponse): void {
    const { principal } = access.identify(request);
    if (principal) audit.note(request, { action: 'api.logout', status: 204, principal });
    response.setHeader('Set-Cookie', cookie(request, '', 0));
    response.writeHead(204, { 'Cache-Control': 'no-store' }).end();
  }

  return (request, response) => {
    const [path] = (request.url ?? '/').split('?', 1);
    if (path === '/session' && (request.method === 'GET' || request.method === 'HEAD')) {
      const identified = access.identify(request);
      if (identified.refused) refuse(response, identified.refused);
      else sendJson(response, 200, describe(identified.principal));
      return true;
    }
    if ((path !== '/login' && path !== '/logout') || request.method !== 'POST') return false;
    if (
      !isOwnPage(request) &&
      (request.headers.origin !== undefined || 'sec-fetch-site' in request.headers)
    ) {
      refuse(response, {
        status: 403,
        error: 'foreign_origin',
        message: 'log in on the page of the gateway',
      });
      return true;
    }
    if (path === '/logout') logOut(request, response);
    else
      void logIn(request, response).catch((error: unknown) => {
        logger.info({ err: error }, 'login connection broke');
        response.destroy();
      });
    return true;
  };
}

const TOO_MANY_TRIES = {
  status: 429,
  error: 'too_many_logins',
  message: `at most ${TRIES.most} wrong keys a minute: wait before the next one`,
};

/** Recent wrong keys, by address. */
class Tries {
  private readonly failures = new Map<string, number[]>();

  /** Seconds until the address may try again; 0 if it may try now. */
  waitFor(address: string): number {
    const recent = (this.failures.get(address) ?? []).filter((at) => at > Date.now() - TRIES.withinMs);
    if (recent.length === 0) this.failures.delete(address);
    else this.failures.set(address, recent);
    const [first = 0] = recent;
    return recent.length < TRIES.most ? 0 : Math.ceil((first + TRIES.withinMs - Date.now()) / 1000);
  }

  note(address: string): void {
    this.failures.set(address, [...(this.failures.get(address) ?? []), Date.now()].slice(-TRIES.most));
  }
}

function describe({ keyId, userId, expiresAt }: Principal): object {
  return {
    key_id: keyId,
    user_id: userId,
    admin: userId === null,
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}

/** A cookie that other sites cannot use and scripts cannot read. Over TLS, it is marked as Secure. */
function cookie(request: IncomingMessage, value: string, maxAgeSeconds: number): string {
  const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure}`;
}

/** Undefined if the body is not JSON. @throws Error if it is too large */
async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`a body of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, { status, retryAfterSeconds, ...body }: Refusal): void {
  if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', retryAfterSeconds);
  sendJson(response, status, body);
}
