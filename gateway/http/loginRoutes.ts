import type { FastifyReply } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Audit } from '../audit/audit';
import type { ClientAddress } from '../auth/clientAddress';
import type { Api } from './apiTypes';
import { answerError } from './error';
import { isOwnPage, type Access, type Refusal } from '../auth/access';
import { sessionCookie } from '../auth/sessionCookie';
import type { Principal } from '../auth/principal';

/** How many wrong keys one address may send, and in which time, in milliseconds. */
const TRIES = { most: 10, withinMs: 60_000 };

const loginBody = z.strictObject({ key: z.string().max(1_024) });

export interface LoginParts {
  access: Access;
  audit: Audit;
  addressOf: ClientAddress;
}

/** `POST /login`, `POST /logout` and `GET /session`, for the page. Refusals are `{error, message}`. */
export function loginRoutes(api: Api, { access, audit, addressOf }: LoginParts): void {
  const tries = new Tries();

  api.get('/session', HIDDEN, (request, reply) => {
    const { refused, principal } = access.identify(request.raw);
    return refused ? refuse(reply, refused) : reply.send(describe(principal));
  });

  api.post(
    '/login',
    {
      ...{ schema: { hide: true, body: loginBody } },
      onRequest: (request, reply, next) => {
        if (isForeign(request.raw)) return void refuse(reply, FOREIGN_ORIGIN);
        const refused = tries.refusal(addressOf(request.raw) ?? '');
        if (refused) return void refuse(reply, refused);
        next();
      },
      errorHandler: (error, request, reply) => {
        if (error.statusCode !== undefined && error.statusCode < 500) void refuse(reply, NO_KEY_IN_BODY);
        else answerError(error, request, reply);
      },
    },
    (request, reply) => {
      const remote = addressOf(request.raw) ?? '';
      // Others may have tried while the body arrived.
      const tooMany = tries.refusal(remote);
      if (tooMany) return refuse(reply, tooMany);
      const { refused, principal } = access.byKey(request.body.key, 'that is no valid key');
      if (refused) {
        tries.note(remote);
        const { status, error: code, message } = refused;
        request.log.info({ remote, status }, 'login refused');
        audit.note(request.raw, { action: 'api.login', status, error: { code, message }, principal: null });
        return refuse(reply, refused);
      }
      const { token, expiresAt } = access.sessions.issue(principal);
      request.log.info({ keyId: principal.keyId, userId: principal.userId, remote }, 'logged in');
      audit.note(request.raw, { action: 'api.login', status: 200, principal });
      const maxAge = Math.ceil((expiresAt - Date.now()) / 1000);
      return reply
        .header('Set-Cookie', sessionCookie(request.raw, token, maxAge))
        .send(describe({ ...principal, expiresAt }));
    },
  );

  api.post('/logout', HIDDEN, (request, reply) => {
    if (isForeign(request.raw)) return refuse(reply, FOREIGN_ORIGIN);
    const { principal } = access.identify(request.raw);
    if (principal) audit.note(request.raw, { action: 'api.logout', status: 204, principal });
    return reply
      .header('Set-Cookie', sessionCookie(request.raw, '', 0))
      .code(204)
      .send();
  });
}

const HIDDEN = { schema: { hide: true } };

const FOREIGN_ORIGIN = { status: 403, error: 'foreign_origin', message: 'log in on the page of the gateway' };

const NO_KEY_IN_BODY = {
  status: 400,
  error: 'invalid_message',
  message: 'send {"key": "..."} as JSON, with the header Content-Type: application/json',
};

/** Whether the page of another site sent a request. Programs send neither of these headers. */
function isForeign(request: IncomingMessage): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers;
  return (origin !== undefined || site !== undefined) && !isOwnPage(request);
}

const TOO_MANY_TRIES = {
  status: 429,
  error: 'too_many_logins',
  message: `at most ${TRIES.most} wrong keys a minute: wait before the next one`,
};

/** Recent wrong keys, by address. */
class Tries {
  private readonly failures = new Map<string, number[]>();

  /** Why the address may not try now; null if it may. */
  refusal(address: string): Refusal | null {
    const recent = (this.failures.get(address) ?? []).filter((at) => at > Date.now() - TRIES.withinMs);
    if (recent.length === 0) this.failures.delete(address);
    else this.failures.set(address, recent);
    const [first = 0] = recent;
    if (recent.length < TRIES.most) return null;
    const retryAfterSeconds = Math.ceil((first + TRIES.withinMs - Date.now()) / 1000);
    return { ...TOO_MANY_TRIES, retryAfterSeconds };
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

export function refuse(reply: FastifyReply, { status, retryAfterSeconds, ...body }: Refusal): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('Retry-After', retryAfterSeconds);
  return reply.code(status).send(body);
}
