import { useEffect } from 'preact/hooks';
import type { FinalFrame } from './frames';
import type { DraftState } from './useDraft';

/** Marks the line of the submission's error in the editor, if its file is shown. */
export function useErrorMark(final: FinalFrame | null | undefined, { draft, editor }: DraftState): void {
  useEffect(() => {
    const error = final?.error;
    const isShown = error?.file == null || error.file === draft.activeFile || !(error.file in draft.files);
    editor.current?.mark(error?.line && isShown ? { line: error.line, message: error.message } : null);
  }, [final, draft.files, draft.activeFile]);
}
