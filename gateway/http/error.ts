import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { OutgoingHttpHeaders } from 'node:http';
import { errorFrame, type ErrorCode, type ErrorFrame } from '../protocol/errorFrame';
import { toErrorFrame } from '../submissions/errorFrames';

/** Ends a call with an error. The body is the same error frame that a WebSocket gets. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly statusCode: number;

  constructor(
    readonly frame: ErrorFrame,
    readonly headers: OutgoingHttpHeaders = {},
  ) {
    super(frame.message);
    this.statusCode = STATUS_OF[frame.code];
  }
}

/** HTTP status of each error code. */
export const STATUS_OF: Record<ErrorCode, number> = {
  invalid_json: 400,
  invalid_message: 400,
  code_too_large: 413,
  binary_not_supported: 400,
  too_many_messages: 429,
  too_many_submissions: 429,
  too_many_in_flight: 429,
  conflict: 409,
  not_interactive: 409,
  not_running: 409,
  too_much_input: 413,
  not_found: 404,
  unauthorized: 401,
  forbidden: 403,
  method_not_allowed: 405,
  unsupported_media_type: 415,
  upgrade_required: 426,
  unavailable: 503,
  internal: 500,
};

/** Seconds after which a client may retry when the platform was unavailable. */
const RETRY_AFTER = { 'Retry-After': '1' };

const CLOSE_CONNECTION = { Connection: 'close' };

/** Headers of every answer, unless its route sets others. */
export const DEFAULT_HEADERS = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

export const NOT_FOUND = errorFrame('not_found', 'there is nothing at this address');

/** The answer to a body of another type than JSON. */
export const UNSUPPORTED_MEDIA_TYPE = errorFrame(
  'unsupported_media_type',
  'Content-Type must be application/json: the body must be JSON',
  { field: 'Content-Type' },
);

/** Answers a request for an unknown address. Serves requests that reached no route, and no hook. */
export function answerNotFound(request: FastifyRequest, reply: FastifyReply): void {
  request.log.info({ code: NOT_FOUND.code }, 'request refused');
  reply
    .code(404)
    .headers(DEFAULT_HEADERS)
    .type('application/json; charset=utf-8')
    .send(`${JSON.stringify(NOT_FOUND)}\n`);
}

/** Answers a call that failed with an error frame, and logs it. */
export function answerError(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { frame, headers, statusCode: status } = toHttpError(error, request);
  if (request.abortSignal.aborted) request.log.info({ err: error }, 'request ended early');
  else if (status >= 500) request.log.error({ err: error, code: frame.code }, 'request failed');
  else request.log.info({ code: frame.code }, 'request refused');
  // Fastify closes the connection after a body that was refused, although it was read.
  if (status === 400) reply.removeHeader('connection');
  return reply
    .code(status)
    .headers({ ...(status === 503 && RETRY_AFTER), ...headers })
    .send(frame);
}

/** Answers a request for a file that cannot be sent: there is none, or the file does not meet its conditions. */
export function answerFileError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  if (error.statusCode === 412 || error.statusCode === 416) reply.code(error.statusCode).send();
  else if (error.statusCode === 403 || error.statusCode === 404 || error.code === 'ENAMETOOLONG')
    answerNotFound(request, reply);
  else answerError(error, request, reply);
}

/** What Fastify refused by itself, in our words; for all other errors, the frame that a WebSocket gets. */
function toHttpError(error: FastifyError | Error, request: FastifyRequest): HttpError {
  if (error instanceof HttpError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new HttpError(UNSUPPORTED_MEDIA_TYPE);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const limit = request.routeOptions.bodyLimit;
    // The rest of the body is not read, so the connection is closed after the response.
    return new HttpError(
      errorFrame('code_too_large', `the body has more than ${limit} bytes`, { limit }),
      CLOSE_CONNECTION,
    );
  }
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH') {
    const words = 'Content-Length must be the size of the body in bytes';
    return new HttpError(errorFrame('invalid_message', words, { field: 'Content-Length' }), CLOSE_CONNECTION);
  }
  // The client left while it sent the body. From a handler, the same code is an error like any other.
  if (code === 'ECONNRESET' && !request.raw.complete)
    return new HttpError(errorFrame('invalid_message', 'the body ended too early'), CLOSE_CONNECTION);
  const frame = toErrorFrame(error);
  // After a bug, nothing is known about the connection.
  return new HttpError(frame, frame.code === 'internal' ? CLOSE_CONNECTION : {});
}
