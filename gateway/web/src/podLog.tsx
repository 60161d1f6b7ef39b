import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { AnsiReader } from './ansi';

interface Line {
  type: 'line';
  at: string;
  pod: string;
  text: string;
}
type LogEvent = Line | { type: 'note'; message: string };

const PARTS = { prod: 'Program', db: 'Database', test: 'Test pod' };
type Part = keyof typeof PARTS;

/** How many of the last lines are shown. */
const MAX_EVENTS = 1_000;

/** How often lines are added to the page, in milliseconds. They arrive faster than a screen can show them. */
const FLUSH_INTERVAL_MS = 50;

/** The logs of a user's pods, earlier lines and live ones, as text only. */
export function PodLog({ user }: { user: string }) {
  const [isOpen, setOpen] = useState(false);
  const [part, setPart] = useState<Part>('prod');
  const [events, setEvents] = useState<LogEvent[]>([]);
  const [state, setState] = useState<'connecting' | 'open' | 'lost'>('connecting');
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);

  useEffect(() => {
    if (!isOpen || user === '') return;
    setEvents([]);
    setState('connecting');
    let pending: LogEvent[] = [];
    const path = `/api/users/${encodeURIComponent(user)}/logs?part=${part}&follow=true`;
    // It reconnects automatically, with the id of the last line.
    const source = new EventSource(path);
    source.onopen = () => setState('open');
    source.onerror = () => setState('lost');
    source.onmessage = ({ data }: MessageEvent<string>) => {
      pending.push(JSON.parse(data) as LogEvent);
    };
    const timer = setInterval(() => {
      if (pending.length === 0) return;
      const added = pending;
      pending = [];
      setEvents((previous) => [...previous, ...added].slice(-MAX_EVENTS));
    }, FLUSH_INTERVAL_MS);
    return () => {
      source.close();
      clearInterval(timer);
    };
  }, [isOpen, user, part]);

  useLayoutEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [events]);

  return (
    <section class="card" aria-labelledby="pod-log-title">
      <h2 id="pod-log-title">Log</h2>
      <div class="controls">
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Close the log' : 'Follow the log'}
        </button>
        <label>
          Part
          <select value={part} onChange={({ currentTarget }) => setPart(currentTarget.value as Part)}>
            {Object.entries(PARTS).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {isOpen && state === 'lost' && <span role="status">Connection lost; trying to reconnect …</span>}
      </div>
      {isOpen && (
        <pre
          class="terminal pod-log"
          ref={box}
          tabIndex={0}
          role="region"
          aria-label={`What the pods of ${user} print`}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
            (atEnd.current = scrollHeight - scrollTop - clientHeight < 24)
          }
        >
          {events.map((event, index) => (
            <span key={index} class="stdout">
              {event.type === 'note' ? <span class="note"># {event.message}</span> : <LogLine line={event} />}
              {'\n'}
            </span>
          ))}
          {events.length === 0 && <span class="note">Nothing yet.</span>}
        </pre>
      )}
    </section>
  );
}

function LogLine({ line: { at, pod, text } }: { line: Line }) {
  return (
    <>
      <span class="note" title={at}>
        {pod}{' '}
      </span>
      {new AnsiReader().read(text).map((piece, index) => (
        <span key={index} class={piece.className}>
          {piece.text}
        </span>
      ))}
    </>
  );
}
