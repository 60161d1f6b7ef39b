import type { ErrorCode, ErrorFrame } from '../gateway/protocol/errorFrame';

/**
 * The gateway refused the call. `code` is stable, `field` names the invalid field, `advice` says what to do.
 */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly limit: number | undefined;
  readonly advice: string;

  constructor(
    /** HTTP status code. */
    readonly status: number,
    frame: ErrorFrame,
  ) {
    super(frame.message);
    this.code = frame.code;
    this.field = frame.field;
    this.limit = frame.limit;
    this.advice = frame.advice;
  }
}

/** The gateway cannot be reached, or something other than a gateway answers at its address. */
export class Unreachable extends Error {
  override name = 'Unreachable';
}

/** Returns the response if it is successful. @throws ApiError for an error of a gateway, otherwise Unreachable */
export async function throwUnlessOk(response: Response): Promise<Response> {
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === 'object' && body !== null && 'type' in body && body.type === 'error')
    throw new ApiError(response.status, body as ErrorFrame);
  throw new Unreachable(`${response.url} answered ${response.status}: is it a gateway?`);
}
