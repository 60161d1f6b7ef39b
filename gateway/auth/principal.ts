/** Who sends a request, as identified by a key. */
export interface Principal {
  /** Id of the key, never the key itself. */
  keyId: string;
  /** The user that the key belongs to; null for an admin key, which may act for every user. */
  userId: string | null;
  /** When it expires, in milliseconds since the epoch; null for never. */
  expiresAt: number | null;
}

/** The key in the environment variable `API_KEY`: always valid, for every user. */
export const BOOTSTRAP: Principal = { keyId: 'bootstrap', userId: null, expiresAt: null };
