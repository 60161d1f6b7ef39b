import type { Access } from '../auth/access';
import type { Principal } from '../auth/principal';
import { errorFrame } from '../protocol/errorFrame';
import { authorizedSubmissions } from '../submissions/authorizedSubmissions';
import type { Submissions } from '../submissions/submissionService';
import { HttpError } from './error';
import type { ApiRequest } from './apiTypes';

/** A hook that identifies the caller, and refuses a request with neither a valid key nor a valid session. */
export function requireKey(access: Access) {
  return async (request: ApiRequest): Promise<void> => {
    const { refused, principal } = access.identify(request.raw);
    if (refused) {
      const { status, message, retryAfterSeconds } = refused;
      const code = status === 401 ? 'unauthorized' : status === 403 ? 'forbidden' : 'unavailable';
      const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': retryAfterSeconds };
      throw new HttpError(errorFrame(code, message), headers);
    }
    request.principal = principal;
    return Promise.resolve();
  };
}

/** The caller of a route. @throws Error on a route that needs no key */
export function callerOf({ principal }: ApiRequest): Principal {
  if (principal === null) throw new Error('a route that needs no key has no caller');
  return principal;
}

/** The submissions that the caller may access. */
export function seenBy(request: ApiRequest, submissions: Submissions): Submissions {
  return authorizedSubmissions(submissions, callerOf(request));
}
