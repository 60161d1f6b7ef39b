import type { ComponentChildren } from 'preact';
import { CodeEditor } from './codeEditor';
import { newDraft } from './draft';
import { DraftFields } from './draftFields';
import type { Editor } from './editor';
import { EXAMPLES } from './examples';
import type { DraftState } from './useDraft';

interface CodeCardProps {
  user: string;
  /** Sets the user to submit for; null if the session is bound to its own user. */
  onUser: ((user: string) => void) | null;
  draft: DraftState;
  onEditorLoad: (editor: Editor) => void;
  onSubmit: () => void;
  /** The controls below the editor. */
  children: ComponentChildren;
}

/** The program to submit: its user, its code and its input. */
export function CodeCard({ user, onUser, draft, onEditorLoad, onSubmit, children }: CodeCardProps) {
  const { activeFile, rest } = draft.draft;
  return (
    <section class="card" aria-labelledby="code-title">
      <h2 id="code-title">Code</h2>
      <div class="controls">
        <label>
          User
          <input
            value={user}
            readOnly={onUser === null}
            onInput={(event) => onUser?.(event.currentTarget.value)}
            spellcheck={false}
          />
        </label>
        <ExampleSelect draft={draft} />
        <span class="muted">
          <code>{activeFile}</code>
          {rest.tests && ', with tests'}
        </span>
      </div>
      <CodeEditor onLoad={onEditorLoad} onSubmit={onSubmit} />
      <DraftFields
        draft={draft.draft}
        onChange={draft.change}
        onSelectFile={draft.selectFile}
        onAddFile={draft.addFile}
        onRemoveFile={draft.removeFile}
      />
      {children}
    </section>
  );
}

/** Replaces the draft with the example that is selected. */
function ExampleSelect({ draft }: { draft: DraftState }) {
  function choose(index: number) {
    const example = EXAMPLES[index];
    if (example) draft.replace(newDraft(example));
  }
  return (
    <label>
      Example
      <select onChange={(event) => choose(Number(event.currentTarget.value))}>
        {EXAMPLES.map(({ name }, index) => (
          <option key={name} value={index}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
