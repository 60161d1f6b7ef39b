import { useEffect, useState } from 'preact/hooks';
import { Login } from './login';
import { logOut, readLinks, readSession, type Links, type Session } from './session';
import { Workbench } from './workbench';

type State =
  | { at: 'start' }
  | { at: 'failed'; message: string }
  | { at: 'login'; reason: string | null }
  | { at: 'work'; session: Session; links: Links };

export function App() {
  const [state, setState] = useState<State>({ at: 'start' });
  const fail = (error: unknown) => setState({ at: 'failed', message: String(error) });
  const begin = async (session: Session) => setState({ at: 'work', session, links: await readLinks() });

  useEffect(() => {
    readSession().then(
      (session) => (session ? begin(session).catch(fail) : setState({ at: 'login', reason: null })),
      fail,
    );
  }, []);

  switch (state.at) {
    case 'start':
      return <p class="centre">Loading …</p>;
    case 'failed':
      return (
        <main class="centre">
          <p role="alert">The gateway does not answer: {state.message}</p>
          <button onClick={() => window.location.reload()}>Try again</button>
        </main>
      );
    case 'login':
      return <Login reason={state.reason} onLogin={(session) => void begin(session).catch(fail)} />;
    case 'work':
      return (
        <Workbench
          session={state.session}
          links={state.links}
          onLoggedOut={() => setState({ at: 'login', reason: 'The login is over: log in again.' })}
          onLogout={() => void logOut().then(() => setState({ at: 'login', reason: null }), fail)}
        />
      );
  }
}
