/** The login session, and what the gateway reports about its environment. */

export interface Session {
  key_id: string;
  /** Null for an admin key. */
  user_id: string | null;
  admin: boolean;
  expires_at: string | null;
}

export interface Links {
  temporal_ui: string | null;
  temporal_namespace: string;
  kibana: string | null;
}

/** Null if not logged in. @throws Error if the gateway does not answer */
export async function readSession(): Promise<Session | null> {
  const response = await fetch('/session');
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(await errorMessage(response));
  return (await response.json()) as Session;
}

/** @throws Error that says why the key was refused */
export async function logIn(key: string): Promise<Session> {
  const response = await fetch('/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  if (!response.ok) throw new Error(await errorMessage(response));
  return (await response.json()) as Session;
}

export async function logOut(): Promise<void> {
  await fetch('/logout', { method: 'POST' });
}

export async function readLinks(): Promise<Links> {
  const response = await fetch('/config.json');
  if (!response.ok) throw new Error(await errorMessage(response));
  return (await response.json()) as Links;
}

/** Timeout of a call, in milliseconds. */
const CALL_TIMEOUT_MS = 30_000;

/** The gateway answered with an error. */
export class CallFailed extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Calls the API with the session cookie. @throws Error that says why it was refused, or that it timed out */
export async function call(
  method: string,
  path: string,
  body?: object,
  timeoutMs = CALL_TIMEOUT_MS,
): Promise<unknown> {
  const response = await fetch(path, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw error instanceof DOMException && error.name === 'TimeoutError'
      ? new Error(`The gateway did not answer within ${timeoutMs / 1_000} s.`)
      : error;
  });
  if (!response.ok) throw new CallFailed(response.status, await errorMessage(response));
  return response.json();
}

async function errorMessage(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { message?: string };
  return body.message ?? `The gateway answered ${response.status}.`;
}
