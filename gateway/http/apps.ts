import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createProxyServer } from 'httpxy';
import type { Logger } from '../../infrastructure/logging';
import type { Access } from '../keys/access';
import { userId as userIdRule } from '../messages/identifiers';
import { refuseUpgrade } from '../upgrade';
import { prepareAnswer, prepareRequest } from './appHeaders';

/** `/apps/{user}/...`: HTTP and WebSockets go on to what the user has in production, without a key. */
export interface Apps {
  /** @returns false for requests that are not for a program, which it has not touched */
  request: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** The same for upgrades. */
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean;
}

export interface AppsParts {
  access: Access;
  /** URL of a user's program, without a path; null when there is none. */
  addressOf: (userId: string) => Promise<string | null>;
  logger: Logger;
  /** How long a program may say nothing in the middle of an answer, or take to begin one, in milliseconds. */
  silenceMs?: number;
}

const SILENCE_MS = 120_000;
const PATH = /^\/apps\/([^/?]*)(\/[^?]*)?(\?.*)?$/;
const rule = userIdRule();

/** Why a request does not reach a program. */
interface Refusal {
  status: 404 | 502 | 503;
  error: string;
  message: string;
}

export function createApps({ access, addressOf, logger, silenceMs = SILENCE_MS }: AppsParts): Apps {
  // A connection each: one that is kept open would go on to a pod that a deploy has replaced.
  const proxy = createProxyServer({ agent: false, proxyTimeout: silenceMs, upgradeTimeout: silenceMs });
  proxy.on('proxyRes', (proxied, request) => prepareAnswer(proxied.headers, prefixOf(request)));
  proxy.on('error', (error, request, client) => {
    const refusal = refusalOf(error);
    logger.info({ err: error, url: request?.url, status: refusal.status }, 'a program did not answer');
    if (client === undefined) return;
    if ('writeHead' in client) tell(request as IncomingMessage, client, refusal);
    else if (client.writable) refuseUpgrade(client, { refused: refusal });
  });

  /** Strips the prefix from the request. @returns where it goes, or why it goes nowhere */
  async function targetOf(request: IncomingMessage, match: RegExpExecArray): Promise<string | Refusal> {
    const [, userId = '', path = '/', query = ''] = match;
    const address = rule.safeParse(userId).success ? await addressOf(userId) : null;
    if (address === null) return nobody(userId);
    prefixes.set(request, `/apps/${userId}`);
    prepareRequest(request, prefixOf(request), (key) => access.byKey(key).refused?.status !== 401);
    request.url = `${path}${query}`;
    return address;
  }

  const unreachable = (error: unknown): Refusal => {
    logger.warn({ err: error }, 'the address of a program could not be read');
    return { status: 503, error: 'unavailable', message: 'The cluster did not answer. Try again.' };
  };

  return {
    request(request, response) {
      const match = PATH.exec(request.url ?? '');
      if (match === null) return false;
      const [, userId, path, query = ''] = match;
      if (path === undefined) {
        // Relative addresses of its page would miss the program without the last slash.
        response.writeHead(308, { Location: `/apps/${userId}/${query}` }).end();
        return true;
      }
      void targetOf(request, match)
        .catch(unreachable)
        .then((target) =>
          typeof target === 'string'
            ? proxy.web(request, response, { target })
            : tell(request, response, target),
        );
      return true;
    },

    upgrade(request, socket, head) {
      const match = PATH.exec(request.url ?? '');
      if (match === null) return false;
      void targetOf(request, match)
        .catch(unreachable)
        .then((target) =>
          typeof target === 'string'
            ? proxy.ws(request, socket as Socket, { target }, head)
            : refuseUpgrade(socket, { refused: target }),
        );
      return true;
    },
  };
}

/** Under which path of the gateway a request came; its URL has it no more when it is sent on. */
const prefixes = new WeakMap<object, string>();
const prefixOf = (request: IncomingMessage): string => prefixes.get(request) ?? '';

function nobody(userId: string): Refusal {
  return { status: 404, error: 'not_found', message: `There is no program of ${userId}.` };
}

/** No program listens, or the network does not know its Service yet: it does a moment after the first deploy. */
const NOBODY_THERE = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'];

function refusalOf(error: Error): Refusal {
  if (NOBODY_THERE.includes((error as NodeJS.ErrnoException).code ?? ''))
    return {
      status: 503,
      error: 'not_serving',
      message: 'The program does not serve now: it was stopped, has completed, or is starting.',
    };
  return { status: 502, error: 'bad_answer', message: 'The program broke off, or did not answer in time.' };
}

/** A page for a browser, JSON for everybody else; an answer that has begun can only be broken off. */
function tell(request: IncomingMessage, response: ServerResponse, { status, error, message }: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const asPage = (request.headers.accept ?? '').includes('text/html');
  response.writeHead(status, {
    'Content-Type': asPage ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'",
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(
    asPage
      ? `<!doctype html><title>${status}</title><h1>${status}</h1><p>${escaped(message)}</p>\n`
      : `${JSON.stringify({ error, message })}\n`,
  );
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
