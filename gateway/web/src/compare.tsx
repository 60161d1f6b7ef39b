import { structuredPatch } from 'diff';
import { useEffect, useState } from 'preact/hooks';
import { readContent } from './draft';
import type { FinalFrame } from './frames';
import { call } from './session';
import { duration } from './timeline';

/** What is compared of a submission. */
interface Side {
  id: string;
  status: string;
  result: FinalFrame | null;
  files: Record<string, string>;
  output: string;
}

/** Of an output, more is not compared, in characters. */
const MOST_OUTPUT = 100_000;
/** What differs in more lines is not shown line by line. */
const MOST_EDITS = 5_000;

/** @throws Error that says why it cannot be had */
async function readSide(id: string): Promise<Side> {
  const path = `/api/submissions/${encodeURIComponent(id)}`;
  const [details, { files }, output] = await Promise.all([
    call('GET', path) as Promise<{ status: string; result: FinalFrame | null }>,
    readContent(id),
    readOutput(`${path}/output?stream=stdout`),
  ]);
  return { id, status: details.status, result: details.result, files, output };
}

async function readOutput(path: string): Promise<string> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`The output cannot be had: the gateway answered ${response.status}.`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader && text.length < MOST_OUTPUT) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
  }
  await reader?.cancel();
  return text.slice(0, MOST_OUTPUT);
}

interface CompareProps {
  earlier: string;
  later: string;
  onClose: () => void;
}

/** Two submissions beside each other: what became of them, and how their code and their output differ. */
export function Compare({ earlier, later, onClose }: CompareProps) {
  const [sides, setSides] = useState<[Side, Side] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let over = false;
    setSides(null);
    setProblem(null);
    Promise.all([readSide(earlier), readSide(later)]).then(
      (read) => !over && setSides(read),
      (error: unknown) => !over && setProblem((error as Error).message),
    );
    return () => {
      over = true;
    };
  }, [earlier, later]);

  return (
    <section class="card" aria-labelledby="compare-title">
      <h2 id="compare-title">Compared</h2>
      <button type="button" onClick={onClose}>
        Close the comparison
      </button>
      <div role="status">
        {problem && <p>{problem}</p>}
        {!sides && !problem && <p class="muted">One moment …</p>}
      </div>
      {sides && <Differences one={sides[0]} other={sides[1]} />}
    </section>
  );
}

function Differences({ one, other }: { one: Side; other: Side }) {
  const names = [...new Set([...Object.keys(one.files), ...Object.keys(other.files)])].sort();
  return (
    <>
      <table class="compared">
        <thead>
          <tr>
            <td></td>
            {[one, other].map(({ id }) => (
              <th key={id} scope="col">
                <code>{id}</code>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {FACTS.map(([name, valueOf]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{valueOf(one) ?? '–'}</td>
              <td>{valueOf(other) ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {names.map((name) => (
        <Difference key={name} title={name} one={one.files[name] ?? ''} other={other.files[name] ?? ''} />
      ))}
      <Difference title="Output" one={one.output} other={other.output} />
    </>
  );
}

const FACTS: [string, (side: Side) => string | null | undefined][] = [
  ['Status', ({ status }) => status.replaceAll('_', ' ')],
  ['Reason', ({ result }) => result?.reason.replaceAll('_', ' ')],
  ['Exit code', ({ result }) => result?.exit_code?.toString()],
  ['Tests', ({ result }) => result?.tests && `${result.tests.passed} of ${result.tests.total} passed`],
  ['Run time', ({ result }) => (result?.wall_ms == null ? null : duration(result.wall_ms))],
  [
    'Total',
    ({ result }) => (result?.durations_ms.total == null ? null : duration(result.durations_ms.total)),
  ],
  [
    'Memory',
    ({ result }) =>
      result?.peak_memory_bytes == null ? null : `${Math.round(result.peak_memory_bytes / 2 ** 20)} MiB`,
  ],
];

function Difference({ title, one, other }: { title: string; one: string; other: string }) {
  const lines = linesOf(one, other);
  return (
    <>
      <h3>{title}</h3>
      {lines === null && <p class="muted">They differ in too much to be shown.</p>}
      {lines?.length === 0 && <p class="muted">The same.</p>}
      {lines && lines.length > 0 && (
        <pre class="diff" tabIndex={0} role="region" aria-label={`How ${title} differs`}>
          {lines.map((line, index) => (
            <span key={index} class={line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : ''}>
              {`${line}\n`}
            </span>
          ))}
        </pre>
      )}
    </>
  );
}

function linesOf(one: string, other: string): string[] | null {
  const options = { context: 3, maxEditLength: MOST_EDITS };
  const patch = structuredPatch('', '', one, other, '', '', options);
  if (!patch) return null;
  return patch.hunks.flatMap(({ oldStart, newStart, lines }) => [
    `@@ line ${oldStart} and line ${newStart} @@`,
    // All but the remark that a last line has no end.
    ...lines.filter((line) => !line.startsWith('\\')),
  ]);
}
