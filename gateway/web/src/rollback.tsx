import { useEffect, useState } from 'preact/hooks';
import { rollBack } from './followRollback';

type State = { at: 'idle' | 'asked' | 'running' } | { at: 'over'; message: string };

/** Deploys an earlier submission again. It stops following the rollback when it is unmounted. */
export function RollBack({ user, submissionId }: { user: string; submissionId: string }) {
  const [state, setState] = useState<State>({ at: 'idle' });
  const [unmounted] = useState(() => new AbortController());
  useEffect(() => () => unmounted.abort(), []);

  function start() {
    setState({ at: 'running' });
    rollBack(user, submissionId, unmounted.signal).then(
      (message) => setState({ at: 'over', message }),
      (error: Error) => setState({ at: 'over', message: error.message }),
    );
  }

  return (
    <p class="controls" role="status">
      {state.at === 'idle' && (
        <button type="button" onClick={() => setState({ at: 'asked' })}>
          Roll back to this
        </button>
      )}
      {state.at === 'asked' && (
        <>
          This takes the place of what {user} has in production now.
          <button type="button" class="primary" onClick={start}>
            Roll back
          </button>
          <button type="button" onClick={() => setState({ at: 'idle' })}>
            Leave it
          </button>
        </>
      )}
      {state.at === 'running' && 'Being rolled back …'}
      {state.at === 'over' && state.message}
    </p>
  );
}
