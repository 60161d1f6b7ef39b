/** Who sends something, as far as keys tell. */
export interface Principal {
  /** Of the key; never the key itself. */
  keyId: string;
  /** Whom the key belongs to; null for an admin key, which may act for every user. */
  userId: string | null;
  /** When it ends to be valid, in milliseconds since the epoch; null for never. */
  expiresAt: number | null;
}

/** The key of the environment, `API_KEY`: always valid, for every user. */
export const BOOTSTRAP: Principal = { keyId: 'bootstrap', userId: null, expiresAt: null };
