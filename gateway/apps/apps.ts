import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { originOf, type AppsDomain } from '../../infrastructure/config/appsDomain';
import { Counts } from '../../infrastructure/counts';
import type { Logger } from '../../infrastructure/logging';
import type { Access } from '../auth/access';
import { userId as userIdRule } from '../protocol/identifiers';
import { refuseUpgrade } from '../auth/refuseUpgrade';
import { prepareAnswer } from './answerHeaders';
import { forward, forwardUpgrade } from './forward';
import { checkFraming } from './framing';
import type { Destination } from './program';
import { noProgramOf, refusalOf, refuse, tooManyRequests, type Refusal } from './refusal';
import { programByHost, type Requested } from './programHost';
import { requestHeaders } from './requestHeaders';

/**
 * Forwards HTTP and WebSockets to a user's program in production, without a key: whole hosts in the domain of programs,
 * and `/apps/{user}/...` on every other host.
 */
export interface Apps {
  /**
   * @returns false, without touching it, if the request is not for a program; otherwise resolves once it is
   * answered
   */
  request: (request: IncomingMessage, response: ServerResponse) => false | Promise<void>;
  /** The same for upgrades. The caller handles the socket's errors. */
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => false | Promise<void>;
}

export interface AppsParts {
  access: Access;
  /** URL of a user's program, without a path; null when there is none. */
  addressOf: (userId: string) => Promise<string | null>;
  /** The domain below which each program has its own origin; null if programs are only below `/apps/`. */
  domain?: AppsDomain | null;
  logger: Logger;
  /** How many requests and WebSockets to one user's program are forwarded at the same time. */
  maxInFlight: number;
  /** How long a program may send nothing, before or during its response, in milliseconds. */
  idleTimeoutMs?: number;
  /** After this time, a response or a WebSocket that has not ended is ended, in milliseconds. */
  maxDurationMs?: number;
}

const IDLE_MS = 120_000;
const MAX_DURATION_MS = 3_600_000;
const PATH = /^\/apps\/([^/?]*)(\/[^?]*)?(\?.*)?$/;
const rule = userIdRule();

export function createApps({
  access,
  addressOf,
  domain = null,
  logger,
  maxInFlight,
  idleTimeoutMs = IDLE_MS,
  maxDurationMs = MAX_DURATION_MS,
}: AppsParts): Apps {
  const inFlight = new Counts();

  /** Runs `work` unless the user's program has too many requests in progress. */
  async function withinLimit(
    userId: string,
    client: ServerResponse | Duplex,
    refuseIt: (refusal: Refusal) => void,
    work: () => Promise<void>,
  ) {
    if (inFlight.of(userId) >= maxInFlight) return refuseIt(tooManyRequests(maxInFlight));
    inFlight.add(userId, 1);
    // An uncaught error can leave `work` without an end: that must not keep a draining process alive.
    const end = setTimeout(() => client.destroy(), maxDurationMs).unref();
    try {
      await work();
    } finally {
      clearTimeout(end);
      inFlight.add(userId, -1);
    }
  }

  /** Where to forward a request, or why it is refused. */
  async function destinationOf(
    request: IncomingMessage,
    { userId, path, prefix }: Requested,
  ): Promise<Destination | Refusal> {
    const target = rule.safeParse(userId).success ? await addressOrRefusal(userId) : null;
    if (target === null) return noProgramOf(userId);
    if (typeof target !== 'string') return target;
    const { host, 'x-forwarded-host': forwardedHost } = request.headers;
    const hosts = [host, ...(prefix === '' ? [] : [forwardedHost]), new URL(target).host].flat();
    const place = { prefix, hosts: hosts.filter((host) => host !== undefined) };
    const mayBeKey = (key: string | undefined) => access.byKey(key).refused?.status !== 401;
    return {
      ...{ target, path, idleTimeoutMs },
      headers: requestHeaders(request, prefix, mayBeKey),
      prepareAnswer: (headers) => prepareAnswer(headers, place),
    };
  }

  async function addressOrRefusal(userId: string): Promise<string | Refusal | null> {
    try {
      return await addressOf(userId);
    } catch (error) {
      logger.warn({ err: error }, 'failed to read the address of a program');
      return { status: 503, error: 'unavailable', message: 'The cluster did not answer. Try again.' };
    }
  }

  function refusalFor(error: unknown, { url }: IncomingMessage): Refusal {
    const refusal = refusalOf(error);
    logger.info({ err: error, url, status: refusal.status }, 'failed to forward a request to a program');
    return refusal;
  }

  async function serve(request: IncomingMessage, response: ServerResponse, requested: Requested) {
    try {
      checkFraming(request, { isUpgrade: false });
      const to = await destinationOf(request, requested);
      if ('status' in to) refuse(request, response, to);
      else await forward(request, response, to);
    } catch (error) {
      refuse(request, response, refusalFor(error, request));
    }
  }

  async function serveUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, requested: Requested) {
    const onBroken = (error: unknown) =>
      logger.info({ err: error, url: request.url }, 'a connection to a program broke');
    try {
      checkFraming(request, { isUpgrade: true });
      const to = await destinationOf(request, requested);
      if ('status' in to) refuseUpgrade(socket, { refused: to });
      else await forwardUpgrade(request, socket, head, { ...to, onBroken });
    } catch (error) {
      refuseUpgrade(socket, { refused: refusalFor(error, request) });
    }
  }

  /** What a request asks for; null if it is for the gateway itself. */
  function requestedBy(request: IncomingMessage): Requested | Refusal | null {
    const byHost = domain && programByHost(request, domain);
    if (byHost) return byHost;
    const match = PATH.exec(request.url ?? '');
    if (match === null) return null;
    const [, userId = '', path = '', query = ''] = match;
    return { userId, path: `${path}${query}`, prefix: `/apps/${userId}` };
  }

  /** Where a request below `/apps/` is sent instead; null if it is answered there. */
  function redirectFor(request: IncomingMessage, { userId, path, prefix }: Requested): Redirect | null {
    if (prefix === '') return null;
    const hasSlash = path.startsWith('/');
    // Only to a URL that browsers can open: `xn--a` can be a user, and is no host name.
    if (domain && isNavigation(request) && rule.safeParse(userId).success) {
      const origin = originOf(userId, domain);
      if (URL.canParse(origin))
        return { status: 307, headers: { ...TO_ORIGIN, Location: `${origin}${hasSlash ? '' : '/'}${path}` } };
    }
    // Without the trailing slash, relative URLs in its page would not lead to the program.
    return hasSlash ? null : { status: 308, headers: { Location: `${prefix}/${path}` } };
  }

  return {
    request(request, response) {
      const requested = requestedBy(request);
      if (requested === null) return false;
      if ('status' in requested) return Promise.resolve(refuse(request, response, requested));
      const redirect = redirectFor(request, requested);
      if (redirect) {
        response.writeHead(redirect.status, redirect.headers).end();
        return Promise.resolve();
      }
      return withinLimit(
        requested.userId,
        response,
        (refusal) => refuse(request, response, refusal),
        () => serve(request, response, requested),
      );
    },

    upgrade(request, socket, head) {
      const requested = requestedBy(request);
      if (requested === null) return false;
      if ('status' in requested) return Promise.resolve(refuseUpgrade(socket, { refused: requested }));
      const { path, prefix } = requested;
      const whole = { ...requested, path: path.startsWith('/') || prefix === '' ? path : `/${path}` };
      return withinLimit(
        whole.userId,
        socket,
        (refused) => refuseUpgrade(socket, { refused }),
        () => serveUpgrade(request, socket, head, whole),
      );
    },
  };
}

interface Redirect {
  status: 307 | 308;
  headers: Record<string, string>;
}

/** Other clients get another answer at the same URL, and the domain can change: nothing may store this one. */
const TO_ORIGIN = { 'Cache-Control': 'no-store', Vary: 'Sec-Fetch-Mode, Sec-Fetch-Dest' };

/** Whether a browser opens the URL as a page, not in a frame of another page. */
function isNavigation({ method, headers }: IncomingMessage): boolean {
  const isRead = method === 'GET' || method === 'HEAD';
  return isRead && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}
