import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The error handler of the current exchange. It also applies to promises, timers and callbacks started in it.
 */
const exchanges = new AsyncLocalStorage<(error: unknown) => void>();

/**
 * Runs an event handler. Passes an exception, or the rejection of a promise that it returns, to `onError`: if
 * an event handler threw it, the process would end. `endExchange` passes on errors that occur later and are
 * not caught.
 */
export function guarded(work: () => unknown, onError: (error: unknown) => void): void {
  exchanges.run(onError, () => {
    new Promise((resolve) => resolve(work())).catch(onError);
  });
}

/** Handles an uncaught error: ends the exchange with the client whose handler caused it, if there is one. */
export function endExchange(error: unknown): void {
  exchanges.getStore()?.(error);
}
