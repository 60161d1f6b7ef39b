import type { Submissions } from './submissionService';
import type { Principal } from '../auth/principal';

/** A request for a user to whom the key does not belong. */
export class NotTheUser extends Error {
  override name = 'NotTheUser';

  /** @param userId the user of the key @param field the field that named another user */
  constructor(
    readonly userId: string,
    readonly field: 'user_id' | 'user' = 'user_id',
  ) {
    super(`${field} must be ${userId}: the key belongs to that user`);
  }
}

/** @throws NotTheUser if the key may not act for that user */
export function requireUser({ userId }: Principal, asked: string, field?: NotTheUser['field']): void {
  if (userId !== null && asked !== userId) throw new NotTheUser(userId, field);
}

/**
 * Submissions as a key may access them. The key of a user submits only for that user, and submissions of
 * other users do not exist for it. Everything is done in the name of the key.
 */
export function authorizedSubmissions(all: Submissions, principal: Principal): Submissions {
  const { keyId, userId } = principal;
  const submissions = userId === null ? all : all.within(userId);
  return {
    within: (user) => submissions.within(user),
    async submit(submission) {
      requireUser(principal, submission.userId);
      return submissions.submit({ ...submission, requestedBy: keyId });
    },
    find: (submissionId) => submissions.find(submissionId),
    cancel: (submissionId) => submissions.cancel(submissionId, keyId),
    input: (submissionId, piece) => submissions.input(submissionId, piece),
    status: (submissionId) => submissions.status(submissionId),
    content: (submissionId) => submissions.content(submissionId),
    async list(filter) {
      if (userId === null) return submissions.list(filter);
      requireUser(principal, filter.user ?? userId, 'user');
      return submissions.list({ ...filter, user: userId });
    },
    async rollBack(owner, submissionId, waitMs) {
      requireUser(principal, owner);
      return submissions.rollBack(owner, submissionId, waitMs, keyId);
    },
    async operation(owner, operationId, waitMs) {
      requireUser(principal, owner);
      return submissions.operation(owner, operationId, waitMs);
    },
    follow: (accepted, settings) => submissions.follow(accepted, settings),
    ready: () => submissions.ready(),
  };
}
