import type { Principal } from '../auth/principal';
import { authorizedSubmissions } from '../submissions/authorizedSubmissions';
import type { Submissions } from '../submissions/submissionService';
import type { Call } from './apiRoute';

/** The caller of a route. @throws Error on an open route, which has none */
export function callerOf({ principal }: Call): Principal {
  if (principal === null) throw new Error('an open route has no caller');
  return principal;
}

/** The submissions that the caller may access. */
export function seenBy(call: Call, submissions: Submissions): Submissions {
  return authorizedSubmissions(submissions, callerOf(call));
}
