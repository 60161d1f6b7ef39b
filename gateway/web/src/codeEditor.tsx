import { useEffect, useRef } from 'preact/hooks';
import type { Editor } from './editor';

interface CodeEditorProps {
  /** Called once, when the editor is loaded. */
  onLoad: (editor: Editor) => void;
  /** Called when the user submits with the keyboard. */
  onSubmit: () => void;
}

/** The code editor. It is loaded after the first paint, because it is most of the page's size. */
export function CodeEditor({ onLoad, onSubmit }: CodeEditorProps) {
  const container = useRef<HTMLDivElement>(null);
  const latestOnSubmit = useRef(onSubmit);
  latestOnSubmit.current = onSubmit;
  const latestOnLoad = useRef(onLoad);
  latestOnLoad.current = onLoad;

  useEffect(() => {
    let unmounted = false;
    void import('./editor').then(({ createEditor }) => {
      if (!unmounted && container.current)
        latestOnLoad.current(createEditor(container.current, () => latestOnSubmit.current()));
    });
    return () => {
      unmounted = true;
    };
  }, []);

  return <div class="editor" ref={container} />;
}
