import { z } from 'zod';
import { USER_ID } from '../../workflows/contract';

const SUBMISSION_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function userId() {
  return z
    .string()
    .regex(
      USER_ID,
      'must be 1 to 40 lowercase letters, digits or hyphens, starting and ending with a letter or digit (a DNS label)',
    )
    .describe('Whose submission it is; it runs in the namespace user-<user_id>.');
}

export function submissionId() {
  return z.string().regex(SUBMISSION_ID, 'must have 1 to 64 characters out of A-Z, a-z, 0-9, "_" and "-"');
}

/** Same as {@link USER_ID}, for use within another pattern. */
const USER = USER_ID.source.replace(/^\^|\$$/g, '');
const SUBMISSION_REFERENCE = new RegExp(`^[A-Za-z0-9_-]{1,64}(\\.${USER})?$`);

/** A submission that exists: its id, or `ID.USER` where several users have used the same id. */
export function submissionReference() {
  return z
    .string()
    .regex(
      SUBMISSION_REFERENCE,
      'must have 1 to 64 characters out of A-Z, a-z, 0-9, "_" and "-"; an admin key may add "." and its user',
    );
}

/** Splits a reference into the submission's id and its user; null if it does not name a user. */
export function partsOfReference(reference: string): { id: string; userId: string | null } {
  const [id = '', userId = null] = reference.split('.', 2);
  return { id, userId };
}

/** The submission that an invalid message is about, if the message contains a valid id. */
export function knownSubmissionId(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null || !('submission_id' in json)) return undefined;
  const id = json.submission_id;
  return typeof id === 'string' && SUBMISSION_REFERENCE.test(id) ? id : undefined;
}
