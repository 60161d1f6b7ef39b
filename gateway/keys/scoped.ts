import { SubmissionNotFound, type Submissions } from '../submissions';
import type { Principal } from './principal';

/** A submission for somebody whom the key does not belong to. */
export class NotTheUser extends Error {
  override name = 'NotTheUser';

  constructor(readonly userId: string) {
    super(`user_id must be ${userId}: the key belongs to that user`);
  }
}

/**
 * Submissions as a key sees them: a user's key submits for its user only, and what others submitted does not
 * exist for it. What is done is done in the name of the key.
 */
export function scoped(submissions: Submissions, { keyId, userId }: Principal): Submissions {
  async function find(submissionId: string) {
    const accepted = await submissions.find(submissionId);
    if (userId !== null && accepted.userId !== userId)
      throw new SubmissionNotFound(`there is no submission ${submissionId}`);
    return accepted;
  }
  return {
    find,
    submit: (submission) =>
      userId === null || submission.userId === userId
        ? submissions.submit({ ...submission, requestedBy: keyId })
        : Promise.reject(new NotTheUser(userId)),
    async cancel(submissionId) {
      if (userId !== null) await find(submissionId);
      return submissions.cancel(submissionId, keyId);
    },
    follow: (accepted, settings) => submissions.follow(accepted, settings),
    ready: () => submissions.ready(),
  };
}
