/** Who is logged in, and what the gateway says of its surroundings. */

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
  /** Whether programs are reached under `/apps/`. */
  apps: boolean;
  kibana: string | null;
}

/** Null when nobody is logged in. @throws Error when the gateway does not answer */
export async function readSession(): Promise<Session | null> {
  const response = await fetch('/session');
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(await reasonOf(response));
  return (await response.json()) as Session;
}

/** @throws Error that says why the key was not taken */
export async function logIn(key: string): Promise<Session> {
  const response = await fetch('/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  if (!response.ok) throw new Error(await reasonOf(response));
  return (await response.json()) as Session;
}

export async function logOut(): Promise<void> {
  await fetch('/logout', { method: 'POST' });
}

export async function readLinks(): Promise<Links> {
  const response = await fetch('/config.json');
  if (!response.ok) throw new Error(await reasonOf(response));
  return (await response.json()) as Links;
}

/** An answer that is not there by then is waited for no longer, in milliseconds. */
const ANSWER_WITHIN_MS = 30_000;

/** Calls the API with the login's cookie. @throws Error that says why it was refused, or that no answer came */
export async function call(
  method: string,
  path: string,
  body?: object,
  withinMs = ANSWER_WITHIN_MS,
): Promise<unknown> {
  const response = await fetch(path, {
    method,
    signal: AbortSignal.timeout(withinMs),
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw error instanceof DOMException && error.name === 'TimeoutError'
      ? new Error(`The gateway did not answer within ${withinMs / 1_000} s.`)
      : error;
  });
  if (!response.ok) throw new Error(await reasonOf(response));
  return response.json();
}

async function reasonOf(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { message?: string };
  return body.message ?? `The gateway answered ${response.status}.`;
}
