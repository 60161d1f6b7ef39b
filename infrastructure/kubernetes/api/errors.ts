import { setTimeout as pauseFor } from 'node:timers/promises';
import { AbortError, ApiException, FetchError } from '@kubernetes/client-node';

/** What the caller should do: prepare the environment and retry, give up, wait for its turn, or retry. */
export type FailureName = 'EnvironmentMissing' | 'Rejected' | 'TestPodBusy' | 'Unavailable';

/** A failure of the platform, never of the user's code. Retry policies use its `name`. */
export class PlatformError extends Error {
  override readonly name: FailureName;
  /** HTTP status of the Kubernetes API, or null if there is none. */
  readonly status: number | null;
  /** Kubernetes' reason, such as `AlreadyExists`, or null. */
  readonly reason: string | null;

  constructor(
    name: FailureName,
    message: string,
    details: { status?: number | null; reason?: string | null; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = name;
    this.status = details.status ?? null;
    this.reason = details.reason ?? null;
  }
}

/**
 * An API server that has just started refuses all requests until it has loaded the RBAC rules. For `graceMs`,
 * a request that is refused for missing permissions is therefore retried, every `pauseMs`. In milliseconds.
 */
const RIGHTS = { graceMs: 10_000, pauseMs: 500 };

/**
 * Calls the Kubernetes API, repeatedly if necessary, and throws a failure as a {@link PlatformError}.
 * @param doing What was attempted, as the start of the message: `create Pod/test-test in user-test`.
 */
export async function attempt<T>(doing: string, call: () => Promise<T>): Promise<T> {
  const graceEnds = performance.now() + RIGHTS.graceMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!lacksRights(error) || performance.now() > graceEnds) throw translate(error, doing);
    }
    await pauseFor(RIGHTS.pauseMs);
  }
}

/** Like {@link attempt}, but returns null for an object that does not exist. */
export async function attemptToFind<T>(doing: string, call: () => Promise<T>): Promise<T | null> {
  try {
    return await attempt(doing, call);
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** Whether RBAC refused the request, as opposed to a quota or another admission check. */
function isLackOfRights(message: string): boolean {
  return /is forbidden: User "[^"]+" cannot /.test(message);
}

function lacksRights(error: unknown): boolean {
  return (
    error instanceof ApiException &&
    error.code === 403 &&
    isLackOfRights(parseStatus(error.body).message ?? '')
  );
}

/** True for a 404 of the API, before or after translation. */
export function isNotFound(error: unknown): boolean {
  return statusOf(error) === 404;
}

/** True when an object of that name already exists, or was changed since it was read. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 409;
}

/** @returns false when the object was changed or deleted meanwhile */
export async function unlessChangedOrGone(change: () => Promise<unknown>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return false;
    throw error;
  }
}

/**
 * Converts an error of the Kubernetes client to a {@link PlatformError}. Returns other errors unchanged:
 * mistakes in our own code, and a {@link PlatformError}.
 */
export function translate(error: unknown, doing: string): Error {
  if (error instanceof PlatformError) return error;
  if (error instanceof ApiException) return fromResponse(error as ApiException<unknown>, doing);
  if (isErrorEvent(error)) return fromErrorEvent(error, doing);
  if (error instanceof Error && isNetworkError(error))
    return new PlatformError('Unavailable', `Could not ${doing}: ${error.message}`, { cause: error });
  return error instanceof Error ? error : new Error(`Could not ${doing}: ${String(error)}`);
}

/** Classifies a status of the API. Public for errors that carry only a number (watch, exec, log). */
export function failureOfStatus(status: number, reason: string | null, message: string): FailureName {
  if (status === 404) return 'EnvironmentMissing';
  if (status === 403 && /being terminated/.test(message)) return 'EnvironmentMissing';
  // Terminating pods count against the quota until they are gone, and a new quota is not calculated yet.
  if (status === 403 && /exceeded quota|status unknown for quota/.test(message)) return 'Unavailable';
  // The API answers 500 for a field of the wrong type; a retry cannot help.
  if (status === 500 && /typed patch object|cannot unmarshal|unable to decode/.test(message))
    return 'Rejected';
  if (status === 408 || status === 409 || status === 429 || status >= 500 || reason === 'Expired')
    return 'Unavailable';
  return status >= 400 ? 'Rejected' : 'Unavailable';
}

interface Status {
  message?: string;
  reason?: string;
}

function fromResponse(error: ApiException<unknown>, doing: string): PlatformError {
  const body = parseStatus(error.body);
  const message = body.message ?? `HTTP status ${error.code}`;
  const reason = body.reason ?? null;
  return new PlatformError(
    failureOfStatus(error.code, reason, message),
    `Could not ${doing}: ${message} (${error.code}${reason === null ? '' : ` ${reason}`})`,
    { status: error.code, reason, cause: error },
  );
}

/** The client returns the body as an object for some calls and as text for others. */
function parseStatus(body: unknown): Status {
  if (typeof body === 'object' && body !== null) return body;
  if (typeof body !== 'string' || body === '') return {};
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? parsed : { message: body };
  } catch {
    return { message: body };
  }
}

interface ErrorEventLike {
  type: 'error';
  message?: string;
  error?: unknown;
}

/** A refused WebSocket upgrade rejects with an event of `ws`, not with an Error. */
function isErrorEvent(error: unknown): error is ErrorEventLike {
  return (
    typeof error === 'object' &&
    error !== null &&
    !(error instanceof Error) &&
    (error as { type?: unknown }).type === 'error'
  );
}

function fromErrorEvent(event: ErrorEventLike, doing: string): PlatformError {
  const message = event.message ?? (event.error instanceof Error ? event.error.message : 'connection failed');
  const status = Number(/Unexpected server response: (\d{3})/.exec(message)?.[1] ?? NaN);
  // A refused upgrade has no reason, and an API server that has just started refuses all requests.
  const passing = Number.isNaN(status) || status === 403;
  const name = passing ? 'Unavailable' : failureOfStatus(status, null, message);
  const why = status === 404 ? 'it does not exist' : message;
  return new PlatformError(name, `Could not ${doing}: ${why}`, {
    status: Number.isNaN(status) ? null : status,
    cause: event.error ?? new Error(message),
  });
}

function isNetworkError(error: Error): boolean {
  if (error instanceof FetchError || error instanceof AbortError) return true;
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return true;
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' && /^(E[A-Z]+|ERR_(TLS|SSL|SOCKET|STREAM)_\w+|UND_ERR_\w+)$/.test(code);
}

function statusOf(error: unknown): number | null {
  if (error instanceof PlatformError) return error.status;
  if (error instanceof ApiException) return error.code;
  return null;
}
