import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { RequestRefused } from './framing';

/** Why a request was not answered by a program. */
export interface Refusal {
  status: 400 | 404 | 429 | 501 | 502 | 503;
  /** Value of the header Retry-After. */
  retryAfterSeconds?: number;
  error: string;
  message: string;
}

/** No program listens, or the network does not know its Service yet, shortly after the first deployment. */
const NOT_LISTENING = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Statuses after which the connection is closed, because one side violated HTTP. */
const CLOSING = [400, 501, 502];

export function noProgramOf(userId: string): Refusal {
  return { status: 404, error: 'not_found', message: `There is no program of ${userId}.` };
}

export function tooManyRequests(limit: number): Refusal {
  const message = `The program has ${limit} requests in progress here, which is the limit. Try again when some have ended.`;
  return { status: 429, error: 'too_many_requests', message, retryAfterSeconds: 1 };
}

/** Converts an error to what the client sees of it. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof RequestRefused)
    return { status: error.status, error: 'invalid_request', message: error.message };
  if (NOT_LISTENING.includes((error as NodeJS.ErrnoException).code ?? ''))
    return {
      status: 503,
      error: 'not_serving',
      message: 'The program does not serve now: it was stopped, has completed, or is starting.',
    };
  return { status: 502, error: 'bad_answer', message: 'The program broke off, or did not answer in time.' };
}

/**
 * Answers with a page for a browser, and JSON for other clients. A response that has started can only be
 * aborted.
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, error, message, retryAfterSeconds }: Refusal,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const asPage = (request.headers.accept ?? '').includes('text/html');
  const body = asPage
    ? `<!doctype html><title>${status}</title><h1>${status}</h1><p>${escaped(message)}</p>\n`
    : `${JSON.stringify({ error, message })}\n`;
  response.writeHead(status, STATUS_CODES[status], {
    'Content-Type': asPage ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'",
    'X-Content-Type-Options': 'nosniff',
    ...(retryAfterSeconds !== undefined && { 'Retry-After': retryAfterSeconds }),
    ...(CLOSING.includes(status) && { Connection: 'close' }),
  });
  response.end(body);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
