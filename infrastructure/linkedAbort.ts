import { setMaxListeners } from 'node:events';

/**
 * A controller that is aborted with any of the signals given, and after so many milliseconds, as a TimeoutError.
 * Whoever is done with it aborts it: that unties it from the signals.
 *
 * In place of `AbortSignal.any` and `AbortSignal.timeout`. Of a signal that they composed Node holds on to what listens to
 * it, for good; and a timeout that only such a signal knows of is lost when the garbage collector comes before it
 * fires (nodejs/node#57736), so that a wait has no end.
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
    // As many may wait for one as there are requests.
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
