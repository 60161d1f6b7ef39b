import { useState } from 'preact/hooks';
import type { Draft } from './draft';

interface DraftFieldsProps {
  draft: Draft;
  onChange: (change: Partial<Draft>) => void;
  /** Shows another file in the editor. */
  onSelectFile: (file: string) => void;
  onAddFile: (file: string) => void;
  onRemoveFile: (file: string) => void;
}

/** The files of the draft, and the input and arguments of the program. */
export function DraftFields({ draft, onChange, onSelectFile, onAddFile, onRemoveFile }: DraftFieldsProps) {
  const { files, entrypoint, activeFile, stdin, args, interactive } = draft;
  const names = Object.keys(files);
  return (
    <details class="fields">
      <summary>
        Files and input{names.length > 1 && `: ${names.length} files`}
        {stdin !== '' && ', with input'}
      </summary>
      <div class="controls">
        <label>
          File
          <select value={activeFile} onChange={({ currentTarget }) => onSelectFile(currentTarget.value)}>
            {names.map((name) => (
              <option key={name} value={name}>
                {name === entrypoint ? `${name} (is run)` : name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={activeFile === entrypoint} onClick={() => onRemoveFile(activeFile)}>
          Remove it
        </button>
        <NewFile existing={names} example={`lib/util${extensionOf(entrypoint)}`} onAdd={onAddFile} />
      </div>
      <label class="wide">
        Standard input
        <textarea
          rows={3}
          value={stdin}
          spellcheck={false}
          onInput={({ currentTarget }) => onChange({ stdin: currentTarget.value })}
        />
      </label>
      <label class="wide">
        Arguments, one a line
        <textarea
          rows={2}
          value={args.join('\n')}
          spellcheck={false}
          onInput={({ currentTarget: { value } }) =>
            onChange({ args: value === '' ? [] : value.split('\n') })
          }
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={interactive}
          onChange={({ currentTarget }) => onChange({ interactive: currentTarget.checked })}
        />
        More input comes while it runs
      </label>
    </details>
  );
}

/** With its dot; empty if there is none. */
function extensionOf(file: string): string {
  return /\.\w+$/.exec(file)?.[0] ?? '';
}

interface NewFileProps {
  existing: string[];
  /** A file name that could be added. */
  example: string;
  onAdd: (name: string) => void;
}

function NewFile({ existing, example, onAdd }: NewFileProps) {
  const [name, setName] = useState('');
  const add = (event: Event) => {
    event.preventDefault();
    onAdd(name);
    setName('');
  };
  return (
    <form class="controls" onSubmit={add}>
      <label>
        New file
        <input
          value={name}
          placeholder={example}
          spellcheck={false}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={name === '' || existing.includes(name)}>
        Add
      </button>
    </form>
  );
}
