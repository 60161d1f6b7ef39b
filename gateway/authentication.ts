import { createHash, timingSafeEqual } from 'node:crypto';

/** Tells whether what a client presented is a valid key. */
export type Authenticate = (presented: string | undefined) => boolean;

/**
 * Accepts one key: `API_KEY`, an admin key, which may submit for any user.
 * Only its digest is kept, and digests are of one length, so a comparison takes the same time whatever was
 * presented.
 */
export function acceptKey(key: string): Authenticate {
  const expected = digest(key);
  return (presented) => presented !== undefined && timingSafeEqual(digest(presented), expected);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
