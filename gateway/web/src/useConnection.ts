import { useEffect, useRef, useState } from 'preact/hooks';
import { Connection, type ConnectionState } from './connection';
import type { Frame } from './frames';
import { applyFrame, type Run } from './run';

/** How often the page shows frames that arrived, in milliseconds. They arrive faster than a screen can show them. */
const FRAME_INTERVAL_MS = 16;

/** Connects to the gateway while the component is mounted. The frames of the open submission update `run`. */
export function useConnection(onLoggedOut: () => void) {
  const [state, setState] = useState<ConnectionState>('connecting');
  const [run, setRun] = useState<Run | null>(null);
  const connection = useRef<Connection>(null);

  useEffect(() => {
    const pending: Frame[] = [];
    const applyPending = () => {
      const frames = pending.splice(0);
      setRun((previous) =>
        frames.reduce(
          (current, frame) =>
            current && frame.submission_id === current.id ? applyFrame(current, frame) : current,
          previous,
        ),
      );
    };
    const created = new Connection(
      (next) => (next === 'logged_out' ? onLoggedOut() : setState(next)),
      (frame) => {
        if (pending.push(frame) === 1) setTimeout(applyPending, FRAME_INTERVAL_MS);
      },
    );
    connection.current = created;
    return () => created.close();
  }, []);

  return { connection, state, run, setRun };
}
