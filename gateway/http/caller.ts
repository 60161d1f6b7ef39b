import type { Principal } from '../auth/principal';
import { authorizedSubmissions } from '../submissions/authorizedSubmissions';
import type { Submissions } from '../submissions/submissionService';
import type { Call } from './apiRoute';

/** Who calls. @throws Error on an open route, where nobody knows */
export function callerOf({ principal }: Call): Principal {
  if (principal === null) throw new Error('an open route has no caller');
  return principal;
}

/** Submissions as the caller may see them. */
export function seenBy(call: Call, submissions: Submissions): Submissions {
  return authorizedSubmissions(submissions, callerOf(call));
}
