import { scoped } from '../keys/scoped';
import type { Submissions } from '../submissions';
import type { Call } from './apiRoute';

/** Submissions as the caller may see them. @throws Error on an open route, where nobody knows who calls */
export function seenBy({ principal }: Call, submissions: Submissions): Submissions {
  if (principal === null) throw new Error('an open route has no caller');
  return scoped(submissions, principal);
}
