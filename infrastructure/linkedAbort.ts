import { setMaxListeners } from 'node:events';

/** A reason to end what a signal is for, without the stack trace of a new error. */
export const DONE = Object.freeze(new Error('done'));

/**
 * A controller that is aborted when any of the given signals is, or after `ms` milliseconds with a
 * TimeoutError. Abort it, with {@link DONE}, when you are done with it: that removes its listeners from the signals.
 *
 * It replaces `AbortSignal.any` and `AbortSignal.timeout`. Node never releases the listeners of a signal that
 * they composed. And a timeout that only such a signal refers to is lost if the garbage collector runs before
 * it fires (nodejs/node#57736), so that a wait never ends.
 */
export function linkedAbort(signals: readonly AbortSignal[], ms?: number): AbortController {
  const linked = new AbortController();
  const ended = signals.find(({ aborted }) => aborted);
  if (ended) {
    linked.abort(ended.reason);
    return linked;
  }
  const follow = ({ target }: Event) => linked.abort((target as AbortSignal).reason);
  const timeout = () => linked.abort(new DOMException(`It took longer than ${ms} ms.`, 'TimeoutError'));
  const timer = ms === undefined ? undefined : setTimeout(timeout, ms);
  for (const signal of signals) {
    // A signal may have as many listeners as there are requests.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', follow);
  }
  const untie = () => {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', follow);
  };
  linked.signal.addEventListener('abort', untie, { once: true });
  return linked;
}
