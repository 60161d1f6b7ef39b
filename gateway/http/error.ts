import type { OutgoingHttpHeaders } from 'node:http';
import type { ErrorCode, ErrorFrame } from '../protocol/errorFrame';

/** Ends a call with an error. The body is the same error frame that a WebSocket gets. */
export class HttpError extends Error {
  override name = 'HttpError';

  constructor(
    readonly frame: ErrorFrame,
    readonly headers: OutgoingHttpHeaders = {},
  ) {
    super(frame.message);
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
export const RETRY_AFTER = { 'Retry-After': '1' };
