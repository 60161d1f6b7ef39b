import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../infrastructure/logging';
import type { Access } from '../auth/access';
import { Counts } from '../counts';
import { userId as userIdRule } from '../protocol/identifiers';
import { refuseUpgrade } from '../auth/refuseUpgrade';
import { prepareAnswer } from './answerHeaders';
import { forward, forwardUpgrade } from './forward';
import { checkFraming } from './framing';
import type { Destination } from './program';
import { noProgramOf, refusalOf, refuse, tooManyRequests, type Refusal } from './refusal';
import { requestHeaders } from './requestHeaders';

/** `/apps/{user}/...`: forwards HTTP and WebSockets to the user's program in production, without a key. */
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
  logger: Logger;
  /** How many requests and WebSockets to one user's program are forwarded at the same time. */
  maxInFlight: number;
  /** How long a program may send nothing, before or during its response, in milliseconds. */
  idleTimeoutMs?: number;
}

const IDLE_MS = 120_000;
const PATH = /^\/apps\/([^/?]*)(\/[^?]*)?(\?.*)?$/;
const rule = userIdRule();

export function createApps({
  access,
  addressOf,
  logger,
  maxInFlight,
  idleTimeoutMs = IDLE_MS,
}: AppsParts): Apps {
  const inFlight = new Counts();

  /** Runs `work` unless the user's program has too many requests in progress. */
  async function withinLimit(
    userId: string,
    refuseIt: (refusal: Refusal) => void,
    work: () => Promise<void>,
  ) {
    if (inFlight.of(userId) >= maxInFlight) return refuseIt(tooManyRequests(maxInFlight));
    inFlight.add(userId, 1);
    try {
      await work();
    } finally {
      inFlight.add(userId, -1);
    }
  }

  /** Where to forward a request, or why it is refused. */
  async function destinationOf(
    request: IncomingMessage,
    match: RegExpExecArray,
  ): Promise<Destination | Refusal> {
    const [, userId = '', path = '/', query = ''] = match;
    const target = rule.safeParse(userId).success ? await addressOrRefusal(userId) : null;
    if (target === null) return noProgramOf(userId);
    if (typeof target !== 'string') return target;
    const prefix = `/apps/${userId}`;
    const hosts = [request.headers.host, request.headers['x-forwarded-host']].flat();
    const place = { prefix, hosts: hosts.filter((host) => host !== undefined) };
    const mayBeKey = (key: string | undefined) => access.byKey(key).refused?.status !== 401;
    return {
      ...{ target, path: `${path}${query}`, idleTimeoutMs },
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

  async function serve(request: IncomingMessage, response: ServerResponse, match: RegExpExecArray) {
    try {
      checkFraming(request, { isUpgrade: false });
      const to = await destinationOf(request, match);
      if ('status' in to) refuse(request, response, to);
      else await forward(request, response, to);
    } catch (error) {
      refuse(request, response, refusalFor(error, request));
    }
  }

  async function serveUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    match: RegExpExecArray,
  ) {
    const onBroken = (error: unknown) =>
      logger.info({ err: error, url: request.url }, 'a connection to a program broke');
    try {
      checkFraming(request, { isUpgrade: true });
      const to = await destinationOf(request, match);
      if ('status' in to) refuseUpgrade(socket, { refused: to });
      else await forwardUpgrade(request, socket, head, { ...to, onBroken });
    } catch (error) {
      refuseUpgrade(socket, { refused: refusalFor(error, request) });
    }
  }

  return {
    request(request, response) {
      const match = PATH.exec(request.url ?? '');
      if (match === null) return false;
      const [, userId = '', path, query = ''] = match;
      if (path !== undefined)
        return withinLimit(
          userId,
          (refusal) => refuse(request, response, refusal),
          () => serve(request, response, match),
        );
      // Without the trailing slash, relative URLs in its page would not lead to the program.
      response.writeHead(308, { Location: `/apps/${userId}/${query}` }).end();
      return Promise.resolve();
    },

    upgrade(request, socket, head) {
      const match = PATH.exec(request.url ?? '');
      if (match === null) return false;
      const [, userId = ''] = match;
      return withinLimit(
        userId,
        (refused) => refuseUpgrade(socket, { refused }),
        () => serveUpgrade(request, socket, head, match),
      );
    },
  };
}
