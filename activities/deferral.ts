import type { PlatformFailure } from './ports';

/** Returned instead of a result: the user's environment is missing and must be prepared first. */
export interface Deferred {
  /** Why it is missing, in case it cannot be prepared. */
  deferred: string;
}

/** Set by workflows that understand {@link Deferred}. Others get a failure of type `EnvironmentMissing`. */
export interface Deferrable {
  defer?: boolean;
}

export function isEnvironmentMissing(error: unknown): error is Error {
  return error instanceof Error && error.name === ('EnvironmentMissing' satisfies PlatformFailure);
}
