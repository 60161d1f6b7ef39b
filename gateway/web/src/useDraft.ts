import { useRef, useState } from 'preact/hooks';
import { newDraft, withLanguage, type Draft } from './draft';
import type { Editor } from './editor';
import { EXAMPLES } from './examples';
import type { Language } from './languages';

const FIRST_DRAFT = newDraft(EXAMPLES[0]);

/** The draft, and changes to it. */
export type DraftState = ReturnType<typeof useDraft>;

/** Keeps the draft. The editor, once loaded, has the latest text of the file that is shown. */
export function useDraft() {
  const [draft, setDraft] = useState<Draft>(FIRST_DRAFT);
  const editor = useRef<Editor>(null);

  /** The draft with the current text of the editor. */
  function current(): Draft {
    const text = editor.current?.text();
    return text === undefined ? draft : { ...draft, files: { ...draft.files, [draft.activeFile]: text } };
  }

  /** Replaces the draft and the text in the editor. */
  function replace(other: Draft) {
    setDraft(other);
    editor.current?.replace(other.files[other.activeFile] ?? '', other.language);
  }

  /** Changes fields, but neither the file that is shown nor its text. */
  const change = (fields: Partial<Draft>) => setDraft({ ...current(), ...fields });

  /** Copies the text of the editor to the draft. @returns the draft */
  function save(): Draft {
    const saved = current();
    setDraft(saved);
    return saved;
  }

  const selectLanguage = (language: Language) => replace(withLanguage(current(), language));

  const selectFile = (file: string) => replace({ ...current(), activeFile: file });

  function addFile(file: string) {
    const { files, ...rest } = current();
    replace({ ...rest, files: { ...files, [file]: '' }, activeFile: file });
  }

  function removeFile(file: string) {
    const { [file]: _removed, ...files } = draft.files;
    replace({ ...draft, files, activeFile: draft.entrypoint });
  }

  return { draft, editor, replace, change, save, selectLanguage, selectFile, addFile, removeFile };
}
