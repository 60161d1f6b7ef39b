import { useState } from 'preact/hooks';
import { logIn, type Session } from './session';

export function Login({ reason, onLogin }: { reason: string | null; onLogin: (session: Session) => void }) {
  const [message, setMessage] = useState(reason);
  const [busy, setBusy] = useState(false);

  function submit(event: Event) {
    event.preventDefault();
    const { key } = Object.fromEntries(new FormData(event.currentTarget as HTMLFormElement)) as {
      key: string;
    };
    setBusy(true);
    logIn(key.trim())
      .then(onLogin, (error: Error) => setMessage(`Not logged in: ${error.message}.`))
      .finally(() => setBusy(false));
  }

  return (
    <main class="centre">
      <h1>Orchestration App</h1>
      <form class="card login" onSubmit={submit}>
        <label for="key">Key</label>
        <input id="key" name="key" type="password" autocomplete="current-password" required autofocus />
        <button class="primary" disabled={busy}>
          Log in
        </button>
        <p role="alert">{message}</p>
        <p class="muted">
          <code>npm start</code> prints the operator's key; <code>npm run keys</code> makes keys for users.
        </p>
      </form>
    </main>
  );
}
