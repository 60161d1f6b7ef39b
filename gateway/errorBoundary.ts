import { AsyncLocalStorage } from 'node:async_hooks';

/** Where the error of what runs goes; it follows what a handler starts: promises, timers, callbacks. */
const exchanges = new AsyncLocalStorage<(error: unknown) => void>();

/**
 * Runs the handler of an event. An exception, or the rejection of a promise that it returns, goes to `onError`:
 * thrown out of an event handler it would end the process. An error that is not caught later gets there by
 * `endExchange`.
 */
export function guarded(work: () => unknown, onError: (error: unknown) => void): void {
  exchanges.run(onError, () => {
    new Promise((resolve) => resolve(work())).catch(onError);
  });
}

/** For an error that was not caught: ends the exchange with a client whose handler led to it, if one did. */
export function endExchange(error: unknown): void {
  exchanges.getStore()?.(error);
}
