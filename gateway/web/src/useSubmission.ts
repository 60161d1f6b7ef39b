import { useEffect, useRef, useState } from 'preact/hooks';
import { draftFromContent, newDraft, readContent, toSubmitMessage, type Draft } from './draft';
import { listStored, storeSubmission, type History, type PastSubmission } from './history';
import { readLanguages } from './languages';
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
    const program = { language, entrypoint, code, testOnly };
    history.add({ id, user, at: new Date().toISOString(), status: 'running', ...program });
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
      async () => {
        const stored = listStored(user).find((each) => each.id === id);
        if (!stored) return;
        const restored = await draftFromStored(stored);
        if (latestId.current === id) draft.replace(restored);
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

/** The file's name if neither this browser nor the gateway knows it. */
const UNKNOWN_FILE_NAME = 'main';

async function draftFromStored({
  language = '',
  entrypoint,
  code,
  testOnly,
}: PastSubmission): Promise<Draft> {
  const languages = entrypoint === undefined ? await readLanguages().catch(() => []) : [];
  const fileName = languages.find(({ name }) => name === language)?.file_name ?? UNKNOWN_FILE_NAME;
  return newDraft({ language, entrypoint: entrypoint ?? fileName, code, testOnly });
}

/** Not crypto.randomUUID, which pages without TLS do not have. */
function newId(): string {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return `web-${[...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
