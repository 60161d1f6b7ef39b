import { useState } from 'preact/hooks';
import type { Run } from './run';

interface LiveInputProps {
  input: NonNullable<Run['input']>;
  /** Why the last input was refused. */
  notice: string | null;
  /** Sends text at the end of the input so far. @returns false if there is no connection */
  onSend: (data: string, eof: boolean) => boolean;
}

/** Input for a running program, one line at a time. */
export function LiveInput({ input: { received, eof }, notice, onSend }: LiveInputProps) {
  const [line, setLine] = useState('');
  /** The offset of the input that is being sent. Each input is accepted before the next is sent. */
  const [pendingOffset, setPendingOffset] = useState<number | null>(null);
  const isWaiting = pendingOffset === received && notice === null;
  function send(data: string, isLast: boolean) {
    if (!onSend(data, isLast)) return;
    setPendingOffset(isLast ? null : received);
    setLine('');
  }
  return (
    <form
      class="card live-input"
      onSubmit={(event) => {
        event.preventDefault();
        send(`${line}\n`, false);
      }}
    >
      <label class="wide">
        Input for the program
        <input
          value={line}
          readOnly={eof}
          spellcheck={false}
          autocomplete="off"
          onInput={({ currentTarget }) => {
            setLine(currentTarget.value);
            // The answer may have been lost with its connection. The offset identifies a repeat.
            setPendingOffset(null);
          }}
        />
      </label>
      <div class="controls">
        <button type="submit" disabled={eof || isWaiting}>
          Send the line
        </button>
        <button type="button" disabled={eof || isWaiting} onClick={() => send('', true)}>
          End the input
        </button>
        {eof && <span class="muted">The input has ended.</span>}
        {notice && <span role="status">{notice}</span>}
      </div>
    </form>
  );
}
