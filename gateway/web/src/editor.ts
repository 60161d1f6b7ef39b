import { basicSetup } from 'codemirror';
import { javascript } from '@codemirror/lang-javascript';
import { python } from '@codemirror/lang-python';
import { HighlightStyle, syntaxHighlighting, type LanguageSupport } from '@codemirror/language';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { Compartment, Prec } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';

export interface Editor {
  text(): string;
  /** Replaces the text. It is highlighted if CodeMirror's parser for the language is part of the page. */
  replace(text: string, language: string): void;
  /** Marks a line, counted from 1, with an error. Null clears the mark. */
  mark(error: { line: number; message: string } | null): void;
  focus(): void;
}

/** CodeMirror's support by the name of a language. Text in all other languages is shown without colours. */
const SUPPORT = new Map<string, () => LanguageSupport>([
  ['python', python],
  ['javascript', javascript],
]);

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--syntax-keyword)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--syntax-string)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--syntax-number)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
  {
    tag: [tags.function(tags.variableName), tags.definition(tags.variableName)],
    color: 'var(--syntax-name)',
  },
]);

const theme = EditorView.theme({
  '&': { backgroundColor: 'var(--field)', color: 'var(--text)', fontSize: '0.9rem' },
  '.cm-content': { caretColor: 'var(--text)', fontFamily: 'var(--mono)', minHeight: '14rem' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--field)', color: 'var(--muted)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--active-line)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--selection) !important',
  },
  '&.cm-focused': { outline: '2px solid var(--accent)' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', color: 'var(--text)', border: '1px solid var(--line)' },
});

/**
 * Creates the editor. Tab moves the focus, as everywhere on a page, so that keyboard users can leave the
 * editor.
 */
export function createEditor(parent: HTMLElement, onSubmit: () => void): Editor {
  const language = new Compartment();
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? '';
  const view = new EditorView({
    parent,
    extensions: [
      EditorView.cspNonce.of(nonce),
      Prec.highest(
        keymap.of([
          {
            key: 'Mod-Enter',
            run: () => {
              onSubmit();
              return true;
            },
          },
        ]),
      ),
      basicSetup,
      language.of([]),
      syntaxHighlighting(colours),
      lintGutter(),
      theme,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': 'Code' }),
    ],
  });
  const mark: Editor['mark'] = (error) => {
    const { doc } = view.state;
    const line = error && error.line >= 1 && error.line <= doc.lines ? doc.line(error.line) : null;
    const diagnostics =
      error && line
        ? [{ from: line.from, to: line.to, severity: 'error' as const, message: error.message }]
        : [];
    view.dispatch(setDiagnostics(view.state, diagnostics));
    if (line) view.dispatch({ effects: EditorView.scrollIntoView(line.from, { y: 'nearest' }) });
  };
  return {
    text: () => view.state.doc.toString(),
    replace(text, name) {
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: text },
        effects: language.reconfigure(SUPPORT.get(name)?.() ?? []),
      });
    },
    mark,
    focus: () => view.focus(),
  };
}
