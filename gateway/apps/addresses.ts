/** How long an address is cached, in milliseconds, and how many are cached. */
const KEPT_MS = 10_000;
const MOST = 1_000;

/**
 * Caches addresses briefly, because a page sends many requests at once. Does not cache that a user has none.
 */
export function cached(
  look: (userId: string) => Promise<string | null>,
): (userId: string) => Promise<string | null> {
  const known = new Map<string, { address: string; until: number }>();
  return async (userId) => {
    const found = known.get(userId);
    if (found && found.until > performance.now()) return found.address;
    const address = await look(userId);
    if (known.size >= MOST) known.clear();
    if (address === null) known.delete(userId);
    else known.set(userId, { address, until: performance.now() + KEPT_MS });
    return address;
  };
}

/** @param template as in APPS_ADDRESS: `http://{user}-prod.user-{user}.svc` */
export function addressFrom(template: string): (userId: string) => Promise<string> {
  return (userId) => Promise.resolve(template.replaceAll('{user}', userId));
}
