import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The error handler of the current exchange, which is one HTTP request or one WebSocket connection. It also
 * applies to promises, timers and callbacks started in it.
 */
const currentErrorHandler = new AsyncLocalStorage<(error: unknown) => void>();

/**
 * Runs an event handler now. Passes an exception, or the rejection of a promise that it returns, to `onError`;
 * without that, an exception of an event handler would end the process. `handleUncaught` does the same for
 * errors that occur later and are not caught.
 */
export function runGuarded(work: () => unknown, onError: (error: unknown) => void): void {
  currentErrorHandler.run(onError, () => {
    // Within a promise, so that a synchronous exception is caught as well.
    new Promise((resolve) => resolve(work())).catch(onError);
  });
}

/** Handles an uncaught error: ends the exchange with the client whose handler caused it, if there is one. */
export function handleUncaught(error: unknown): void {
  currentErrorHandler.getStore()?.(error);
}
