import { useEffect, useRef, useState } from 'preact/hooks';
import { Compare } from './compare';
import { Connection, type ConnectionState } from './connection';
import { draftFrom, draftOf, messageOf, readContent, type Draft } from './draft';
import { DraftFields } from './draftFields';
import type { Editor } from './editor';
import { EXAMPLES } from './examples';
import type { Frame } from './frames';
import { keep, listKept, useHistory } from './history';
import { HistoryList } from './historyList';
import { LiveInput } from './liveInput';
import { Output } from './output';
import { PodLog } from './podLog';
import { Production } from './production';
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

const firstDraft = draftOf(EXAMPLES[0]?.code ?? '', 'python');

/** The submission that a URL names: `?submission=ID`, or the fragment that the page itself sets. */
function submissionIn({ search, hash }: Location): string | null {
  return new URLSearchParams(search).get('submission') || decodeURIComponent(hash.slice(1)) || null;
}

export function Workbench({ session, links, onLogout, onLoggedOut }: WorkbenchProps) {
  const [user, setUser] = useState(session.user_id ?? 'test');
  const [draft, setDraft] = useState<Draft>(firstDraft);
  const [state, setState] = useState<ConnectionState>('connecting');
  const [run, setRun] = useState<Run | null>(null);
  const [comparedTo, setComparedTo] = useState<string | null>(null);
  const history = useHistory(user);
  const connection = useRef<Connection>(null);
  const editor = useRef<Editor>(null);
  const editorBox = useRef<HTMLDivElement>(null);
  /** Frames that arrived since the last render. They arrive faster than a screen can show them. */
  const arrived = useRef<Frame[]>([]);
  const submitNow = useRef(() => {});
  /** The submission that was opened last. Content loaded for an earlier one is ignored. */
  const opened = useRef<string | null>(null);

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
    // Loaded after the first paint, because it is most of the page's size.
    void import('./editor').then(({ createEditor }) => {
      if (removed || !editorBox.current) return;
      editor.current = createEditor(editorBox.current, () => submitNow.current());
      edit(firstDraft);
      const id = submissionIn(window.location);
      if (id !== null) open(id);
    });
    return () => {
      removed = true;
    };
  }, []);

  useEffect(() => {
    if (!run?.final) return;
    const { status } = run.final;
    const known = listKept(user).find(({ id }) => id === run.id);
    if (known) keep({ ...known, status });
    history.refresh();
  }, [run?.final]);

  useEffect(() => {
    const error = run?.final?.error;
    const isShown = error?.file == null || error.file === draft.shown || !(error.file in draft.files);
    editor.current?.mark(error?.line && isShown ? { line: error.line, message: error.message } : null);
  }, [run?.final, draft.files, draft.shown]);

  function show(id: string, interactive = false) {
    opened.current = id;
    setRun(newRun(id, interactive));
    setComparedTo(null);
    window.history.replaceState(null, '', `${window.location.pathname}#${encodeURIComponent(id)}`);
  }

  /** The draft with the current text of the editor. */
  function written(): Draft {
    const text = editor.current?.text();
    return text === undefined ? draft : { ...draft, files: { ...draft.files, [draft.shown]: text } };
  }

  function submit() {
    const sent = written();
    const { language, entrypoint, files, interactive, testOnly } = sent;
    // Not crypto.randomUUID, which pages without TLS do not have.
    const random = crypto.getRandomValues(new Uint8Array(12));
    const id = `web-${[...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    setDraft(sent);
    show(id, interactive);
    const code = files[entrypoint] ?? '';
    history.add({ id, user, at: new Date().toISOString(), status: 'running', language, code, testOnly });
    connection.current?.submit({ user_id: user, ...messageOf(sent), submission_id: id });
  }
  submitNow.current = submit;

  function open(id: string) {
    show(id);
    connection.current?.resume(id);
    readContent(id).then(
      (content) => {
        if (opened.current !== id) return;
        edit(draftFrom(content));
        if (content.interactive)
          setRun((now) => now && { ...now, input: now.input ?? { received: 0, eof: false } });
      },
      // Its history has expired, or Temporal does not answer. Use what this browser stored, if it sent it.
      () => {
        const known = listKept(user).find((each) => each.id === id);
        if (known && opened.current === id)
          edit(draftOf(known.code, known.language, { testOnly: known.testOnly }));
      },
    );
  }

  function edit(other: Draft) {
    setDraft(other);
    editor.current?.replace(other.files[other.shown] ?? '', other.language);
  }

  function chooseExample(event: Event) {
    const example = EXAMPLES[Number((event.currentTarget as HTMLSelectElement).value)];
    if (!example) return;
    const { name: _name, code, language, ...rest } = example;
    edit(draftOf(code, language, rest));
  }

  function removeFile(file: string) {
    const { [file]: _, ...files } = draft.files;
    edit({ ...draft, files, shown: draft.entrypoint });
  }

  const isRunning = run !== null && !isOver(run);
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
                <code>{draft.shown}</code>
                {'tests' in draft.rest && ', with tests'}
              </span>
            </div>
            <div class="editor" ref={editorBox} />
            <DraftFields
              draft={draft}
              onChange={(change) => setDraft({ ...written(), ...change })}
              onShow={(shown) => edit({ ...written(), shown })}
              onAdd={(file) => edit({ ...written(), files: { ...written().files, [file]: '' }, shown: file })}
              onRemove={removeFile}
            />
            <div class="controls">
              <button
                type="button"
                class="primary"
                onClick={submit}
                aria-keyshortcuts="Control+Enter Meta+Enter"
              >
                Submit <kbd>{isMac ? '⌘' : 'Ctrl'} Enter</kbd>
              </button>
              <label class="check">
                <input
                  type="checkbox"
                  checked={draft.testOnly}
                  onChange={({ currentTarget }) =>
                    setDraft({ ...written(), testOnly: currentTarget.checked })
                  }
                />
                Test only, do not deploy
              </label>
              <label class="check">
                <input
                  type="checkbox"
                  checked={draft.worker}
                  onChange={({ currentTarget }) => setDraft({ ...written(), worker: currentTarget.checked })}
                />
                Worker: keeps running, serves no port
              </label>
              <button
                type="button"
                disabled={!isRunning || run.cancelling || state !== 'open'}
                onClick={() => run && connection.current?.cancel(run.id)}
              >
                Cancel
              </button>
              <button type="button" disabled={!run || isRunning} onClick={submit}>
                Retry
              </button>
            </div>
          </section>
          <HistoryList history={history} current={run?.id ?? null} onOpen={open} onCompare={setComparedTo} />
        </div>
        <div class="column">
          {run ? (
            <>
              <Verdict run={run} links={links} />
              {run.final?.status === 'deployed' && <RollBack user={user} submissionId={run.id} />}
              {comparedTo !== null && (
                <Compare earlier={comparedTo} later={run.id} onClose={() => setComparedTo(null)} />
              )}
              <Timeline run={run} />
              <Tests tests={run.tests.length > 0 ? run.tests : run.cases} total={run.cases.at(-1)?.total} />
              <Output
                output={run.output}
                whole={run.final && `/api/submissions/${encodeURIComponent(run.id)}/output`}
              />
              {run.input && isRunning && (
                <LiveInput
                  input={run.input}
                  notice={run.notice}
                  onSend={(data, eof) =>
                    connection.current?.input(run.id, run.input?.received ?? 0, data, eof) ?? false
                  }
                />
              )}
            </>
          ) : (
            <p class="card muted">Submit something, or open an earlier submission.</p>
          )}
          <Production user={user} isReached={links.apps} isBusy={isRunning} onOpen={open} />
          <PodLog user={user} />
        </div>
      </main>
    </>
  );
}
