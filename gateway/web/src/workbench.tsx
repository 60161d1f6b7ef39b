import { useState } from 'preact/hooks';
import { CodeCard } from './codeCard';
import type { Editor } from './editor';
import { useHistory } from './history';
import { HistoryList } from './historyList';
import { PageHeader } from './pageHeader';
import { PodLog } from './podLog';
import { Production } from './production';
import { hasEnded } from './run';
import { RunDetails } from './runDetails';
import type { Links, Session } from './session';
import { SubmitControls } from './submitControls';
import { useDraft } from './useDraft';
import { useErrorMark } from './useErrorMark';
import { useLanguages } from './useLanguages';
import { useSubmission } from './useSubmission';

interface WorkbenchProps {
  session: Session;
  links: Links;
  onLogout: () => void;
  onLoggedOut: () => void;
}

/** The submission that a URL names: `?submission=ID`, or the fragment that the page itself sets. */
function submissionIn({ search, hash }: Location): string | null {
  return new URLSearchParams(search).get('submission') || decodeURIComponent(hash.slice(1)) || null;
}

/** The page after login: the code and the history on the left, the open submission and production on the right. */
export function Workbench({ session, links, onLogout, onLoggedOut }: WorkbenchProps) {
  const [user, setUser] = useState(session.user_id ?? 'test');
  const draft = useDraft();
  const languages = useLanguages();
  const history = useHistory(user);
  const submission = useSubmission(user, draft, history, onLoggedOut);
  const { run, connectionState, submit, open, comparedTo, setComparedTo } = submission;
  useErrorMark(run?.final, draft);

  function start(editor: Editor) {
    draft.editor.current = editor;
    draft.replace(draft.draft);
    const id = submissionIn(window.location);
    if (id !== null) open(id);
  }

  return (
    <>
      <PageHeader session={session} connectionState={connectionState} onLogout={onLogout} />
      <main class="workbench">
        <div class="column">
          <CodeCard
            user={user}
            onUser={session.admin ? setUser : null}
            draft={draft}
            onEditorLoad={start}
            onSubmit={submit}
          >
            <SubmitControls
              draft={draft.draft}
              languages={languages}
              run={run}
              connectionState={connectionState}
              onChange={draft.change}
              onSelectLanguage={draft.selectLanguage}
              onSubmit={submit}
              onCancel={submission.cancel}
            />
          </CodeCard>
          <HistoryList history={history} current={run?.id ?? null} onOpen={open} onCompare={setComparedTo} />
        </div>
        <div class="column">
          {run ? (
            <RunDetails
              user={user}
              run={run}
              links={links}
              comparedTo={comparedTo}
              onCloseCompare={() => setComparedTo(null)}
              onInput={submission.sendInput}
            />
          ) : (
            <p class="card muted">Submit something, or open an earlier submission.</p>
          )}
          <Production user={user} isBusy={run !== null && !hasEnded(run)} onOpen={open} />
          <PodLog user={user} />
        </div>
      </main>
    </>
  );
}
