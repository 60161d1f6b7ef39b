/**
 * A signal that is aborted with the one given, and at the latest after so many milliseconds, as a TimeoutError.
 *
 * What `AbortSignal.any([signal, AbortSignal.timeout(ms)])` should be: there, Node collects the timeout when the garbage
 * collector comes before it fires, and the wait has no end (nodejs/node#57736). A listener of its own keeps it.
 */
export function withDeadline(signal: AbortSignal, ms: number): AbortSignal {
  const timeout = AbortSignal.timeout(ms);
  timeout.addEventListener('abort', () => undefined);
  return AbortSignal.any([signal, timeout]);
}
