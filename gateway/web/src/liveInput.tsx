import { useState } from 'preact/hooks';
import type { Run } from './run';

interface LiveInputProps {
  run: Run;
  /** Sends text from where the input so far ends. @returns false when there is no connection to send it over */
  onSend: (data: string, eof: boolean) => boolean;
}

/** Input for a program that runs: a line at a time, each taken before the next. */
export function LiveInput({ run, onSend }: LiveInputProps) {
  const [line, setLine] = useState('');
  const isEnded = run.input?.eof === true;
  function send(event: Event) {
    event.preventDefault();
    if (onSend(`${line}\n`, false)) setLine('');
  }
  return (
    <form class="controls live-input" onSubmit={send}>
      <label class="wide">
        Input for the program
        <input
          value={line}
          disabled={isEnded}
          spellcheck={false}
          autocomplete="off"
          onInput={({ currentTarget }) => setLine(currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={isEnded}>
        Send
      </button>
      <button type="button" disabled={isEnded} onClick={() => onSend('', true)}>
        End the input
      </button>
    </form>
  );
}
