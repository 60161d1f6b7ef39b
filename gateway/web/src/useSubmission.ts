import { useEffect, useRef, useState } from 'preact/hooks';
import { draftFromContent, newDraft, readContent, toSubmitMessage } from './draft';
import { listStored, storeSubmission, type History } from './history';
import { newRun } from './run';
import { useConnection } from './useConnection';
import type { DraftState } from './useDraft';

/** Submits the draft, opens earlier submissions, and follows the one that is open. */
export function useSubmission(user: string, draft: DraftState, history: History, onLoggedOut: () => void) {
  const { connection, state, run, setRun } = useConnection(onLoggedOut);
  const [comparedTo, setComparedTo] = useState<string | null>(null);
  /** The submission that was opened last. Content loaded for an earlier one is ignored. */
  const latestId = useRef<string | null>(null);

  useEffect(() => {
    if (!run?.final) return;
    const { status } = run.final;
    const stored = listStored(user).find(({ id }) => id === run.id);
    if (stored) storeSubmission({ ...stored, status });
    history.refresh();
  }, [run?.final]);

  function show(id: string, interactive = false) {
    latestId.current = id;
    setRun(newRun(id, interactive));
    setComparedTo(null);
    window.history.replaceState(null, '', `${window.location.pathname}#${encodeURIComponent(id)}`);
  }

  function submit() {
    const submitted = draft.save();
    const { language, entrypoint, files, interactive, testOnly } = submitted;
    const id = newId();
    show(id, interactive);
    const code = files[entrypoint] ?? '';
    history.add({ id, user, at: new Date().toISOString(), status: 'running', language, code, testOnly });
    connection.current?.submit({ user_id: user, ...toSubmitMessage(submitted), submission_id: id });
  }

  function open(id: string) {
    show(id);
    connection.current?.resume(id);
    readContent(id).then(
      (content) => {
        if (latestId.current !== id) return;
        draft.replace(draftFromContent(content));
        if (content.interactive)
          setRun((shown) => shown && { ...shown, input: shown.input ?? { received: 0, eof: false } });
      },
      // Its history has expired, or Temporal does not answer. Use what this browser stored, if it sent it.
      () => {
        const stored = listStored(user).find((each) => each.id === id);
        if (stored && latestId.current === id)
          draft.replace(newDraft(stored.code, stored.language, { testOnly: stored.testOnly }));
      },
    );
  }

  return {
    run,
    connectionState: state,
    /** The earlier submission that the open one is compared to; null if none is. */
    comparedTo,
    setComparedTo,
    submit,
    open,
    cancel: (id: string) => connection.current?.cancel(id),
    /** Sends text at the end of the program's input so far. @returns false if there is no connection */
    sendInput: (data: string, eof: boolean): boolean =>
      (run && connection.current?.input(run.id, run.input?.received ?? 0, data, eof)) ?? false,
  };
}

/** Not crypto.randomUUID, which pages without TLS do not have. */
function newId(): string {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return `web-${[...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
