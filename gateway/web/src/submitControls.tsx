import type { ConnectionState } from './connection';
import type { Draft } from './draft';
import { LanguageSelect } from './languageSelect';
import type { Language } from './languages';
import { hasEnded, type Run } from './run';
import type { LanguagesState } from './useLanguages';

interface SubmitControlsProps {
  draft: Draft;
  languages: LanguagesState;
  run: Run | null;
  connectionState: ConnectionState;
  onChange: (change: Partial<Draft>) => void;
  onSelectLanguage: (language: Language) => void;
  onSubmit: () => void;
  onCancel: (submissionId: string) => void;
}

const isMac = /Mac|iP(hone|ad)/.test(navigator.userAgent);

/** Submits the draft, and cancels or repeats the submission that is open. */
export function SubmitControls(props: SubmitControlsProps) {
  const { draft, languages, run, connectionState, onChange, onSelectLanguage, onSubmit, onCancel } = props;
  const isRunning = run !== null && !hasEnded(run);
  return (
    <div class="controls">
      <button type="button" class="primary" onClick={onSubmit} aria-keyshortcuts="Control+Enter Meta+Enter">
        Submit <kbd>{isMac ? '⌘' : 'Ctrl'} Enter</kbd>
      </button>
      <LanguageSelect selected={draft.language} available={languages} onSelect={onSelectLanguage} />
      <label class="check">
        <input
          type="checkbox"
          checked={draft.testOnly}
          onChange={({ currentTarget }) => onChange({ testOnly: currentTarget.checked })}
        />
        Test only, do not deploy
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={draft.worker}
          onChange={({ currentTarget }) => onChange({ worker: currentTarget.checked })}
        />
        Worker: keeps running, serves no port
      </label>
      <button
        type="button"
        disabled={!isRunning || run.cancelling || connectionState !== 'open'}
        onClick={() => run && onCancel(run.id)}
      >
        Cancel
      </button>
      <button type="button" disabled={!run || isRunning} onClick={onSubmit}>
        Retry
      </button>
    </div>
  );
}
