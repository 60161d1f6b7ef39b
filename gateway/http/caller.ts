import type { Principal } from '../keys/principal';
import { scoped } from '../keys/scoped';
import type { Submissions } from '../submissions';
import type { Call } from './apiRoute';

/** Who calls. @throws Error on an open route, where nobody knows */
export function callerOf({ principal }: Call): Principal {
  if (principal === null) throw new Error('an open route has no caller');
  return principal;
}

/** Submissions as the caller may see them. */
export function seenBy(call: Call, submissions: Submissions): Submissions {
  return scoped(submissions, callerOf(call));
}
