import { useState } from 'preact/hooks';
import type { Run } from './run';

interface LiveInputProps {
  input: NonNullable<Run['input']>;
  /** Why the last piece was not taken. */
  notice: string | null;
  /** Sends text from where the input so far ends. @returns false when there is no connection to send it over */
  onSend: (data: string, eof: boolean) => boolean;
}

/** Input for a program that runs, a line at a time. */
export function LiveInput({ input: { received, eof }, notice, onSend }: LiveInputProps) {
  const [line, setLine] = useState('');
  /** Where the piece that is on its way begins: each is taken before the next is sent. */
  const [sentAt, setSentAt] = useState<number | null>(null);
  const isWaiting = sentAt === received && notice === null;
  function send(data: string, isLast: boolean) {
    if (!onSend(data, isLast)) return;
    setSentAt(isLast ? null : received);
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
            // The answer may have been lost with its connection; the place in the input tells a repeat.
            setSentAt(null);
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
