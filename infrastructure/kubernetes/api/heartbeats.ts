/** How often a call reports that it is alive, in milliseconds. */
const HEARTBEAT_MS = 1_000;

/**
 * Sends heartbeats while work without its own is in progress.
 * @param details what each heartbeat reports
 */
export async function withHeartbeats<T>(
  { heartbeat }: { heartbeat: (details?: unknown) => void },
  details: unknown,
  work: () => Promise<T>,
): Promise<T> {
  const timer = setInterval(() => heartbeat(details), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
