import { useEffect, useRef, useState } from 'preact/hooks';
import { Connection, type ConnectionState } from './connection';
import type { Editor, Language } from './editor';
import { EXAMPLES } from './examples';
import type { Frame } from './frames';
import { keep, listAll, listKept, type Past } from './history';
import { Output } from './output';
import { PodLog } from './podLog';
import { Tests, Verdict } from './results';
import { RollBack } from './rollback';
import { isOver, newRun, read, type Run } from './run';
import type { Links, Session } from './session';
import { Timeline } from './timeline';

interface WorkbenchProps {
  session: Session;
  links: Links;
  onLogout: () => void;
  onLoggedOut: () => void;
}

const CONNECTION: Record<ConnectionState, string> = {
  connecting: 'Connecting …',
  open: 'Connected',
  lost: 'Connection lost. Submissions go on; trying to reconnect …',
  logged_out: 'The login is over.',
};

const isMac = /Mac|iP(hone|ad)/.test(navigator.userAgent);

export function Workbench({ session, links, onLogout, onLoggedOut }: WorkbenchProps) {
  const [user, setUser] = useState(session.user_id ?? 'test');
  const [language, setLanguage] = useState<Language>('python');
  const [tests, setTests] = useState<object | null>(null);
  const [state, setState] = useState<ConnectionState>('connecting');
  const [run, setRun] = useState<Run | null>(null);
  const [past, setPast] = useState(() => listKept(user));
  const [isWhole, setWhole] = useState(true);
  const connection = useRef<Connection>(null);
  const editor = useRef<Editor>(null);
  const editorBox = useRef<HTMLDivElement>(null);
  /** Frames come faster than a screen shows them: they are taken in once a picture. */
  const arrived = useRef<Frame[]>([]);
  const submitNow = useRef(() => {});
  const newest = useRef(user);
  newest.current = user;

  useEffect(() => {
    const readArrived = () => {
      const frames = arrived.current.splice(0);
      setRun((before) =>
        frames.reduce(
          (now, frame) => (now && frame.submission_id === now.id ? read(now, frame) : now),
          before,
        ),
      );
    };
    const opened = new Connection(
      (now) => (now === 'logged_out' ? onLoggedOut() : setState(now)),
      (frame) => {
        if (arrived.current.push(frame) === 1) setTimeout(readArrived, 16);
      },
    );
    connection.current = opened;
    return () => opened.close();
  }, []);

  useEffect(() => {
    let removed = false;
    // Loaded after the first paint: it is most of the page's weight.
    void import('./editor').then(({ createEditor }) => {
      if (removed || !editorBox.current) return;
      editor.current = createEditor(editorBox.current, () => submitNow.current());
      editor.current.replace(EXAMPLES[0]?.code ?? '', 'python');
      const { hash } = window.location;
      if (hash.length > 1) open(decodeURIComponent(hash.slice(1)));
    });
    return () => {
      removed = true;
    };
  }, []);

  useEffect(() => {
    if (!run?.final) return;
    const { status, error } = run.final;
    const known = listKept(user).find(({ id }) => id === run.id);
    if (known) keep({ ...known, status });
    void refresh();
    editor.current?.mark(error?.line ? { line: error.line, message: error.message } : null);
  }, [run?.final]);

  useEffect(() => {
    setPast(listKept(user));
    void refresh();
  }, [user]);

  /** Shows what the platform knows; when it does not answer, what this browser kept, and says so. */
  async function refresh() {
    if (user === '') return;
    const all = await listAll(user).catch(() => null);
    if (newest.current !== user) return; // Another user was chosen meanwhile.
    setWhole(all !== null);
    setPast(all ?? listKept(user));
  }

  function show(id: string) {
    editor.current?.mark(null);
    setRun(newRun(id));
    window.history.replaceState(null, '', `#${encodeURIComponent(id)}`);
  }

  function submit() {
    const code = editor.current?.text() ?? '';
    // Not crypto.randomUUID: pages that are not on TLS do not have it.
    const random = crypto.getRandomValues(new Uint8Array(12));
    const id = `web-${[...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    show(id);
    keep({ id, user, at: new Date().toISOString(), status: 'running', language, code });
    setPast((before) => [listKept(user)[0], ...before].filter((each) => each !== undefined));
    connection.current?.submit({
      ...{ user_id: user, language, code, submission_id: id },
      ...(tests && { tests }),
    });
  }
  submitNow.current = submit;

  function open(id: string) {
    const known = listKept(user).find((each) => each.id === id);
    if (known) edit(known.code, known.language, null);
    show(id);
    connection.current?.resume(id);
  }

  function edit(code: string, name: Language, cases: object | null) {
    setLanguage(name);
    setTests(cases);
    editor.current?.replace(code, name);
  }

  function chooseExample(event: Event) {
    const example = EXAMPLES[Number((event.currentTarget as HTMLSelectElement).value)];
    if (example) edit(example.code, example.language, example.tests ?? null);
  }

  return (
    <>
      <header>
        <h1>Orchestration App</h1>
        <p role="status" class={`connection ${state}`}>
          {CONNECTION[state]}
        </p>
        <p class="who">
          {session.user_id ?? 'operator'}{' '}
          <button type="button" onClick={onLogout}>
            Log out
          </button>
        </p>
      </header>
      <main class="workbench">
        <div class="column">
          <section class="card" aria-labelledby="code-title">
            <h2 id="code-title">Code</h2>
            <div class="controls">
              <label>
                User
                <input
                  value={user}
                  readOnly={!session.admin}
                  onInput={(event) => setUser(event.currentTarget.value)}
                  spellcheck={false}
                />
              </label>
              <label>
                Example
                <select onChange={chooseExample}>
                  {EXAMPLES.map(({ name }, index) => (
                    <option key={name} value={index}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
              <span class="muted">
                {language}
                {tests && ', with cases'}
              </span>
            </div>
            <div class="editor" ref={editorBox} />
            <div class="controls">
              <button
                type="button"
                class="primary"
                onClick={submit}
                aria-keyshortcuts="Control+Enter Meta+Enter"
              >
                Submit <kbd>{isMac ? '⌘' : 'Ctrl'} Enter</kbd>
              </button>
              <button
                type="button"
                disabled={!run || isOver(run) || run.cancelling || state !== 'open'}
                onClick={() => run && connection.current?.cancel(run.id)}
              >
                Cancel
              </button>
              <button type="button" disabled={!run || !isOver(run)} onClick={submit}>
                Retry
              </button>
            </div>
          </section>
          <History past={past} isWhole={isWhole} current={run?.id ?? null} onOpen={open} />
        </div>
        <div class="column">
          {run ? (
            <>
              <Verdict run={run} links={links} />
              {run.final?.status === 'deployed' && <RollBack user={user} submissionId={run.id} />}
              <Timeline run={run} />
              <Tests tests={run.tests.length > 0 ? run.tests : run.cases} total={run.cases.at(-1)?.total} />
              <Output output={run.output} />
            </>
          ) : (
            <p class="card muted">Submit something, or open a submission of before.</p>
          )}
          <PodLog user={user} />
        </div>
      </main>
    </>
  );
}

interface HistoryProps {
  past: Past[];
  /** Whether the platform was asked, too. */
  isWhole: boolean;
  current: string | null;
  onOpen: (id: string) => void;
}

function History({ past, isWhole, current, onOpen }: HistoryProps) {
  const [filter, setFilter] = useState('');
  const shown = past.filter(({ status }) => filter === '' || status === filter);
  const statuses = [...new Set(past.map(({ status }) => status))];
  return (
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      <label class="controls">
        Status
        <select value={filter} onChange={(event) => setFilter(event.currentTarget.value)}>
          <option value="">all</option>
          {statuses.map((status) => (
            <option key={status} value={status}>
              {status.replaceAll('_', ' ')}
            </option>
          ))}
        </select>
      </label>
      <ul class="history">
        {shown.map(({ id, at, status, code }) => (
          <li key={id}>
            <button type="button" onClick={() => onOpen(id)} aria-current={id === current}>
              <span class={`badge ${status}`}>{status.replaceAll('_', ' ')}</span>
              <code>{code.trim().split('\n', 1)[0]?.slice(0, 60) || id}</code>
              <time dateTime={at}>{new Date(at).toLocaleTimeString()}</time>
            </button>
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p class="muted">Nothing yet.</p>}
      {!isWhole && <p class="muted">The platform does not answer: these were sent from this browser.</p>}
    </section>
  );
}
