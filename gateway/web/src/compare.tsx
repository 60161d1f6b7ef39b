import { structuredPatch } from 'diff';
import { useEffect, useState } from 'preact/hooks';
import { readContent } from './draft';
import type { FinalFrame } from './frames';
import { call } from './session';
import { duration, STAGE_NAMES } from './timeline';

/** What is compared between two submissions. */
interface Side {
  id: string;
  status: string;
  result: FinalFrame | null;
  files: Record<string, string>;
  output: Record<Stream, Printed>;
}

type Stream = 'stdout' | 'stderr';

/** The output of a stream; only its beginning, if it is long. */
interface Printed {
  text: string;
  isCut: boolean;
  /** Why it could not be loaded; null if it was. */
  problem: string | null;
}

/** Maximum output to compare, in characters. */
const MOST_OUTPUT = 100_000;
/** Timeout for loading output, in milliseconds. */
const OUTPUT_WITHIN_MS = 30_000;
/** Shown below a last line without a line break, because that can be the only difference. */
const NO_END = '\\ (no end of the line)';
/** Maximum number of changed lines that are shown. */
const MOST_EDITS = 5_000;

/** @throws Error that says why the submission could not be loaded */
async function readSide(id: string): Promise<Side> {
  const path = `/api/submissions/${encodeURIComponent(id)}`;
  const [{ status, result }, { files }, stdout, stderr] = await Promise.all([
    call('GET', path) as Promise<{ status: string; result: FinalFrame | null }>,
    readContent(id),
    readOutput(`${path}/output?stream=stdout`),
    readOutput(`${path}/output?stream=stderr`),
  ]);
  return { id, status, result, files, output: { stdout, stderr } };
}

/** Never throws: the rest can be compared without the output. */
async function readOutput(path: string): Promise<Printed> {
  try {
    const response = await fetch(path, { signal: AbortSignal.timeout(OUTPUT_WITHIN_MS) });
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
    return { ...(await beginningOf(response)), problem: null };
  } catch (error) {
    return { text: '', isCut: false, problem: (error as Error).message };
  }
}

async function beginningOf({ body }: Response): Promise<{ text: string; isCut: boolean }> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader && text.length <= MOST_OUTPUT) {
    const { done, value } = await reader.read();
    if (done) return { text, isCut: false };
    text += value;
  }
  await reader?.cancel();
  return { text: text.slice(0, MOST_OUTPUT), isCut: true };
}

interface CompareProps {
  earlier: string;
  later: string;
  onClose: () => void;
}

/** Two submissions side by side: their results, and the differences in their code and their output. */
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
        {!sides && !problem && <p class="muted">Loading …</p>}
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
          {[...FACTS, ...stagesOf(one, other)].map(([name, valueOf]) => (
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
      <OutputDifference title="Output" stream="stdout" sides={[one, other]} />
      <OutputDifference title="Errors" stream="stderr" sides={[one, other]} />
    </>
  );
}

type Fact = [name: string, valueOf: (side: Side) => string | null | undefined];

const FACTS: Fact[] = [
  ['Status', ({ status }) => status.replaceAll('_', ' ')],
  ['Reason', ({ result }) => result?.reason.replaceAll('_', ' ')],
  ['Exit code', ({ result }) => result?.exit_code?.toString()],
  ['Tests', ({ result }) => result?.tests && `${result.tests.passed} of ${result.tests.total} passed`],
  ['Run time', ({ result }) => (result?.wall_ms == null ? null : duration(result.wall_ms))],
  [
    'Memory',
    ({ result }) =>
      result?.peak_memory_bytes == null ? null : `${Math.round(result.peak_memory_bytes / 2 ** 20)} MiB`,
  ],
  ['Total', ({ result }) => timeOf(result, 'total')],
];

/** The duration of each stage that either submission went through. */
function stagesOf(...sides: Side[]): Fact[] {
  const names = sides.flatMap(({ result }) => Object.keys(result?.durations_ms ?? {}));
  return [...new Set(names)]
    .filter((name) => name !== 'total')
    .map((name) => [STAGE_NAMES[name] ?? name, ({ result }) => timeOf(result, name)]);
}

function timeOf(result: FinalFrame | null, name: string): string | null {
  const ms = result?.durations_ms[name];
  return ms === undefined ? null : duration(ms);
}

interface OutputDifferenceProps {
  title: string;
  stream: Stream;
  sides: [Side, Side];
}

function OutputDifference({ title, stream, sides }: OutputDifferenceProps) {
  const [one, other] = sides.map(({ output }) => output[stream]) as [Printed, Printed];
  if (one.problem === null && other.problem === null)
    return (
      <>
        <Difference title={title} one={one.text} other={other.text} />
        {(one.isCut || other.isCut) && (
          <p class="muted">Only the first {MOST_OUTPUT.toLocaleString()} characters are compared.</p>
        )}
      </>
    );
  return (
    <>
      <h3>{title}</h3>
      {sides.map(({ id, output }) => {
        const { problem } = output[stream];
        if (problem === null) return null;
        return (
          <p key={id} class="muted">
            Could not load the output of <code>{id}</code>: {problem}.
          </p>
        );
      })}
    </>
  );
}

function Difference({ title, one, other }: { title: string; one: string; other: string }) {
  const lines = linesOf(one, other);
  return (
    <>
      <h3>{title}</h3>
      {lines === null && <p class="muted">The difference is too large to display.</p>}
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
  // If both sides lack the last line break, that is not a difference.
  const noEnd = one.endsWith('\n') === other.endsWith('\n') ? [] : [NO_END];
  return patch.hunks.flatMap(({ oldStart, newStart, lines }) => [
    `@@ line ${oldStart} and line ${newStart} @@`,
    ...lines.flatMap((line) => (line.startsWith('\\') ? noEnd : [line])),
  ]);
}
