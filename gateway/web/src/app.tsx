import { useEffect, useState } from 'preact/hooks';
import { Login } from './login';
import { logOut, readLinks, readSession, type Links, type Session } from './session';
import { Workbench } from './workbench';

type State =
  | { view: 'start' }
  | { view: 'failed'; message: string }
  | { view: 'login'; reason: string | null }
  | { view: 'work'; session: Session; links: Links };

export function App() {
  const [state, setState] = useState<State>({ view: 'start' });
  const fail = (error: unknown) => setState({ view: 'failed', message: String(error) });
  const start = async (session: Session) => setState({ view: 'work', session, links: await readLinks() });

  useEffect(() => {
    readSession().then(
      (session) => (session ? start(session).catch(fail) : setState({ view: 'login', reason: null })),
      fail,
    );
  }, []);

  switch (state.view) {
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
      return <Login reason={state.reason} onLogin={(session) => void start(session).catch(fail)} />;
    case 'work':
      return (
        <Workbench
          session={state.session}
          links={state.links}
          onLoggedOut={() => setState({ view: 'login', reason: 'The login is over: log in again.' })}
          onLogout={() => void logOut().then(() => setState({ view: 'login', reason: null }), fail)}
        />
      );
  }
}
