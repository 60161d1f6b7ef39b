import { useEffect, useState } from 'preact/hooks';
import type { Live } from '../../protocol/live';
import { describeNetwork } from './network';
import { call } from './session';

const STATES: Record<string, string> = {
  nothing: 'Nothing is live.',
  rolling_out: 'Being rolled out.',
  ready: 'Live and ready.',
  completed: 'The program has completed.',
  not_ready: 'Live, and not ready.',
  asleep: 'Asleep: it completed, and comes back with the next deployment.',
};

/** How often to poll, while something changes and otherwise, in milliseconds. */
const POLL_MS = { busy: 1_000, idle: 10_000 };

interface ProductionProps {
  user: string;
  /** Whether a submission is in progress. */
  isBusy: boolean;
  onOpen: (submissionId: string) => void;
}

/** What a user has in production, pod by pod. */
export function Production({ user, isBusy, onOpen }: ProductionProps) {
  const [live, setLive] = useState<Live | null>(null);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    setLive(null);
    setError(null);
  }, [user]);

  useEffect(() => {
    if (user === '') return;
    let stopped = false;
    let timer: number | undefined;
    async function poll() {
      let isChanging = isBusy;
      if (!document.hidden) {
        try {
          const path = `/api/users/${encodeURIComponent(user)}/live`;
          const latest = (await call('GET', path)) as Live;
          if (stopped) return;
          setLive(latest);
          setError(null);
          isChanging ||= latest.state === 'rolling_out';
        } catch (error) {
          if (!stopped) setError((error as Error).message);
        }
      }
      if (!stopped) timer = window.setTimeout(() => void poll(), isChanging ? POLL_MS.busy : POLL_MS.idle);
    }
    void poll();
    return () => {
      stopped = true;
      window.clearTimeout(timer);
    };
  }, [user, isBusy]);

  return (
    <section class="card" aria-labelledby="production-title">
      <h2 id="production-title">Production</h2>
      {live && (
        <>
          <p class="links">
            <span class={`live ${live.state}`}>{STATES[live.state] ?? live.state}</span>
            {live.url !== null && live.state === 'ready' && (
              <a href={reachable(live.url, user)} target="_blank" rel="noreferrer">
                Open the program
              </a>
            )}
            {live.since && <time dateTime={live.since}>since {new Date(live.since).toLocaleString()}</time>}
          </p>
          {live.egress && <p class="muted">{describeNetwork(live.egress)}</p>}
          {live.pods.length > 0 && <Pods pods={live.pods} onOpen={onOpen} />}
        </>
      )}
      {error && <p class="muted">{error}</p>}
      {!live && !error && <p class="muted">Loading …</p>}
    </section>
  );
}

/** A host of `localhost` is the machine of the browser, and not always that of the gateway. */
function reachable(url: string, user: string): string {
  const isLocal = ({ hostname }: { hostname: string }) =>
    /(^|\.)localhost$/.test(hostname) || hostname === '127.0.0.1' || hostname === '[::1]';
  return isLocal(new URL(url, location.href)) && !isLocal(location)
    ? `/apps/${encodeURIComponent(user)}/`
    : url;
}

function Pods({ pods, onOpen }: { pods: Live['pods']; onOpen: (submissionId: string) => void }) {
  return (
    <table class="pods">
      <thead>
        <tr>
          <th scope="col">Pod</th>
          <th scope="col">State</th>
          <th scope="col">Restarts</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {pods.map(({ name, component, submission_id: id, state, restarts, message }) => (
          <tr key={name}>
            <th scope="row">
              {component} <code>{name}</code>
              {message && <span class="message">{message}</span>}
            </th>
            <td class={`pod-state ${state}`}>{state}</td>
            <td>{restarts}</td>
            <td>
              {id !== null && (
                <button type="button" class="plain" onClick={() => onOpen(id)}>
                  {id.slice(0, 12)}
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
