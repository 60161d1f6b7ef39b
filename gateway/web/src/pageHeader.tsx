import type { ConnectionState } from './connection';
import type { Session } from './session';

const CONNECTION: Record<ConnectionState, string> = {
  connecting: 'Connecting …',
  open: 'Connected',
  lost: 'Connection lost. Submissions go on; trying to reconnect …',
  logged_out: 'The login is over.',
};

interface PageHeaderProps {
  session: Session;
  connectionState: ConnectionState;
  onLogout: () => void;
}

/** The title, the state of the connection, and who is logged in. */
export function PageHeader({ session, connectionState, onLogout }: PageHeaderProps) {
  return (
    <header>
      <h1>Orchestration App</h1>
      <p role="status" class={`connection ${connectionState}`}>
        {CONNECTION[connectionState]}
      </p>
      <p class="who">
        {session.user_id ?? 'operator'}{' '}
        <button type="button" onClick={onLogout}>
          Log out
        </button>
      </p>
    </header>
  );
}
