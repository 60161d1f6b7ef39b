import type { PlatformFailure } from './ports';

/** In place of a result: the user's environment is missing and has to be prepared first. */
export interface Deferred {
  /** Why it is missing, in case it cannot be prepared. */
  deferred: string;
}

/** What a workflow that understands {@link Deferred} asks for; others get a failure of type `EnvironmentMissing`. */
export interface Deferrable {
  defer?: boolean;
}

export function isEnvironmentMissing(error: unknown): error is Error {
  return error instanceof Error && error.name === ('EnvironmentMissing' satisfies PlatformFailure);
}
