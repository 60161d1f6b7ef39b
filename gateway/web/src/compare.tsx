import { structuredPatch } from 'diff';
import { useEffect, useState } from 'preact/hooks';
import { readContent } from './draft';
import type { FinalFrame } from './frames';
import { call } from './session';
import { formatDuration, STAGE_NAMES } from './timeline';

/** What is compared between two submissions. */
interface Side {
  id: string;
  status: string;
  result: FinalFrame | null;
  files: Record<string, string>;
  output: Record<Stream, StreamOutput>;
}

type Stream = 'stdout' | 'stderr';

/** The output of a stream; only its beginning, if it is long. */
interface StreamOutput {
  text: string;
  isTruncated: boolean;
  /** Why it could not be loaded; null if it was. */
  error: string | null;
}

/** Maximum output to compare, in characters. */
const MAX_OUTPUT_CHARACTERS = 100_000;
/** Timeout for loading output, in milliseconds. */
const OUTPUT_TIMEOUT_MS = 30_000;
/** Shown below a last line without a line break, because that can be the only difference. */
const NO_NEWLINE = '\\ (no end of the line)';
/** Maximum number of changed lines that are shown. */
const MAX_EDITS = 5_000;

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
async function readOutput(path: string): Promise<StreamOutput> {
  try {
    const response = await fetch(path, { signal: AbortSignal.timeout(OUTPUT_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
    return { ...(await readBeginning(response)), error: null };
  } catch (error) {
    return { text: '', isTruncated: false, error: (error as Error).message };
  }
}

async function readBeginning({ body }: Response): Promise<{ text: string; isTruncated: boolean }> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader && text.length <= MAX_OUTPUT_CHARACTERS) {
    const { done, value } = await reader.read();
    if (done) return { text, isTruncated: false };
    text += value;
  }
  await reader?.cancel();
  return { text: text.slice(0, MAX_OUTPUT_CHARACTERS), isTruncated: true };
}

interface CompareProps {
  earlier: string;
  later: string;
  onClose: () => void;
}

/** Two submissions side by side: their results, and the differences in their code and their output. */
export function Compare({ earlier, later, onClose }: CompareProps) {
  const [sides, setSides] = useState<[Side, Side] | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let cancelled = false;
    setSides(null);
    setError(null);
    Promise.all([readSide(earlier), readSide(later)]).then(
      (loaded) => !cancelled && setSides(loaded),
      (error: unknown) => !cancelled && setError((error as Error).message),
    );
    return () => {
      cancelled = true;
    };
  }, [earlier, later]);

  return (
    <section class="card" aria-labelledby="compare-title">
      <h2 id="compare-title">Compared</h2>
      <button type="button" onClick={onClose}>
        Close the comparison
      </button>
      <div role="status">
        {error && <p>{error}</p>}
        {!sides && !error && <p class="muted">Loading …</p>}
      </div>
      {sides && <Differences earlier={sides[0]} later={sides[1]} />}
    </section>
  );
}

function Differences({ earlier, later }: { earlier: Side; later: Side }) {
  const names = [...new Set([...Object.keys(earlier.files), ...Object.keys(later.files)])].sort();
  return (
    <>
      <table class="compared">
        <thead>
          <tr>
            <td></td>
            {[earlier, later].map(({ id }) => (
              <th key={id} scope="col">
                <code>{id}</code>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...FACTS, ...stageFacts(earlier, later)].map(([name, valueOf]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{valueOf(earlier) ?? '–'}</td>
              <td>{valueOf(later) ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {names.map((name) => (
        <Difference
          key={name}
          title={name}
          earlier={earlier.files[name] ?? ''}
          later={later.files[name] ?? ''}
        />
      ))}
      <OutputDifference title="Output" stream="stdout" sides={[earlier, later]} />
      <OutputDifference title="Errors" stream="stderr" sides={[earlier, later]} />
    </>
  );
}

type Fact = [name: string, valueOf: (side: Side) => string | null | undefined];

const FACTS: Fact[] = [
  ['Status', ({ status }) => status.replaceAll('_', ' ')],
  ['Reason', ({ result }) => result?.reason.replaceAll('_', ' ')],
  ['Exit code', ({ result }) => result?.exit_code?.toString()],
  ['Tests', ({ result }) => result?.tests && `${result.tests.passed} of ${result.tests.total} passed`],
  ['Run time', ({ result }) => (result?.wall_ms == null ? null : formatDuration(result.wall_ms))],
  [
    'Memory',
    ({ result }) =>
      result?.peak_memory_bytes == null ? null : `${Math.round(result.peak_memory_bytes / 2 ** 20)} MiB`,
  ],
  ['Total', ({ result }) => stageDuration(result, 'total')],
];

/** The duration of each stage that either submission went through. */
function stageFacts(...sides: Side[]): Fact[] {
  const names = sides.flatMap(({ result }) => Object.keys(result?.durations_ms ?? {}));
  return [...new Set(names)]
    .filter((name) => name !== 'total')
    .map((name) => [STAGE_NAMES[name] ?? name, ({ result }) => stageDuration(result, name)]);
}

function stageDuration(result: FinalFrame | null, name: string): string | null {
  const ms = result?.durations_ms[name];
  return ms === undefined ? null : formatDuration(ms);
}

interface OutputDifferenceProps {
  title: string;
  stream: Stream;
  sides: [Side, Side];
}

function OutputDifference({ title, stream, sides }: OutputDifferenceProps) {
  const [earlier, later] = sides.map(({ output }) => output[stream]) as [StreamOutput, StreamOutput];
  if (earlier.error === null && later.error === null)
    return (
      <>
        <Difference title={title} earlier={earlier.text} later={later.text} />
        {(earlier.isTruncated || later.isTruncated) && (
          <p class="muted">
            Only the first {MAX_OUTPUT_CHARACTERS.toLocaleString()} characters are compared.
          </p>
        )}
      </>
    );
  return (
    <>
      <h3>{title}</h3>
      {sides.map(({ id, output }) => {
        const { error } = output[stream];
        if (error === null) return null;
        return (
          <p key={id} class="muted">
            Could not load the output of <code>{id}</code>: {error}.
          </p>
        );
      })}
    </>
  );
}

function Difference({ title, earlier, later }: { title: string; earlier: string; later: string }) {
  const lines = diffLines(earlier, later);
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

function diffLines(earlier: string, later: string): string[] | null {
  const options = { context: 3, maxEditLength: MAX_EDITS };
  const patch = structuredPatch('', '', earlier, later, '', '', options);
  if (!patch) return null;
  // If both sides lack the last line break, that is not a difference.
  const noNewline = earlier.endsWith('\n') === later.endsWith('\n') ? [] : [NO_NEWLINE];
  return patch.hunks.flatMap(({ oldStart, newStart, lines }) => [
    `@@ line ${oldStart} and line ${newStart} @@`,
    ...lines.flatMap((line) => (line.startsWith('\\') ? noNewline : [line])),
  ]);
}
