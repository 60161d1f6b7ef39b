import { useEffect, useState } from 'preact/hooks';
import { rollBack } from './followRollback';

type State = { phase: 'idle' | 'confirming' | 'running' } | { phase: 'ended'; message: string };

/** Deploys an earlier submission again. It stops following the rollback when it is unmounted. */
export function RollBack({ user, submissionId }: { user: string; submissionId: string }) {
  const [state, setState] = useState<State>({ phase: 'idle' });
  const [unmounted] = useState(() => new AbortController());
  useEffect(() => () => unmounted.abort(), []);

  function start() {
    setState({ phase: 'running' });
    rollBack(user, submissionId, unmounted.signal).then(
      (message) => setState({ phase: 'ended', message }),
      (error: Error) => setState({ phase: 'ended', message: error.message }),
    );
  }

  return (
    <p class="controls" role="status">
      {state.phase === 'idle' && (
        <button type="button" onClick={() => setState({ phase: 'confirming' })}>
          Roll back to this
        </button>
      )}
      {state.phase === 'confirming' && (
        <>
          This takes the place of what {user} has in production now.
          <button type="button" class="primary" onClick={start}>
            Roll back
          </button>
          <button type="button" onClick={() => setState({ phase: 'idle' })}>
            Leave it
          </button>
        </>
      )}
      {state.phase === 'running' && 'Being rolled back …'}
      {state.phase === 'ended' && state.message}
    </p>
  );
}
