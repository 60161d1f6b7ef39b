import { useEffect, useState } from 'preact/hooks';
import { call } from './session';

/** The gateway answers when the rollback is over, and at the latest after 50 s. In milliseconds. */
const ANSWERED_WITHIN_MS = 60_000;

type State = { at: 'idle' | 'asked' | 'running' } | { at: 'over'; message: string };

function described(status: string, message: string): string {
  if (status === 'done') return `Rolled back. ${message}`;
  if (status === 'running') return 'Still in progress: Production shows when it is live.';
  return message;
}

/** Deploys an earlier submission again. */
export function RollBack({ user, submissionId }: { user: string; submissionId: string }) {
  const [state, setState] = useState<State>({ at: 'idle' });
  useEffect(() => setState({ at: 'idle' }), [submissionId]);

  async function rollBack() {
    setState({ at: 'running' });
    try {
      const path = `/api/users/${encodeURIComponent(user)}/rollback`;
      const target = { submission_id: submissionId };
      const { status, message } = (await call('POST', path, target, ANSWERED_WITHIN_MS)) as {
        status: string;
        message: string;
      };
      setState({ at: 'over', message: described(status, message) });
    } catch (error) {
      setState({ at: 'over', message: (error as Error).message });
    }
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
          <button type="button" class="primary" onClick={() => void rollBack()}>
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
