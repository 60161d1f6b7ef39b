import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { AnsiReader } from './ansi';
import type { Segment } from './run';

/**
 * The output of the program, as text only. Stays scrolled to the end unless the user scrolls away from it.
 * @param fullOutputUrl where the complete output is, including what is omitted here; null while the submission
 * is in progress
 */
export function Output({ output, fullOutputUrl }: { output: Segment[]; fullOutputUrl: string | null }) {
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  const pieces = useMemo(() => {
    const readers = { stdout: new AnsiReader(), stderr: new AnsiReader(), note: new AnsiReader() };
    return output.flatMap(({ stream, text }) =>
      readers[stream].read(text).map((piece) => ({ ...piece, stream })),
    );
  }, [output]);

  useLayoutEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [pieces]);

  return (
    <section class="card" aria-labelledby="output-title">
      <h2 id="output-title">Output</h2>
      <pre
        class="terminal"
        ref={box}
        tabIndex={0}
        role="region"
        aria-label="What the program prints"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
          (atEnd.current = scrollHeight - scrollTop - clientHeight < 24)
        }
      >
        {pieces.map(({ text, className, stream }, index) => (
          <span key={index} class={`${stream} ${className}`}>
            {text}
          </span>
        ))}
        {pieces.length === 0 && (
          <span class="note">{fullOutputUrl === null ? 'Nothing yet.' : 'Nothing was printed.'}</span>
        )}
      </pre>
      {fullOutputUrl !== null && (
        <p class="links">
          <a href={fullOutputUrl} target="_blank" rel="noreferrer">
            All of the output
          </a>
        </p>
      )}
    </section>
  );
}
