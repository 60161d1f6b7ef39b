import type { FinalStatus } from '../../../workflows/contract';
import type { CaseFrame, TestFrame } from './frames';
import { formatDuration } from './timeline';
import type { Run } from './run';
import type { Links } from './session';

/** The label of each final status. */
export const VERDICTS: Record<FinalStatus, string> = {
  deployed: 'Deployed',
  tests_passed: 'Tests passed',
  tests_failed: 'Tests failed',
  deploy_failed: 'Deployment failed',
  superseded: 'Superseded',
  cancelled: 'Cancelled',
  internal_error: 'Internal error',
};

/** The verdict of a submission, which screen readers announce when it arrives. */
export function Verdict({ run, links }: { run: Run; links: Links }) {
  const { final, error } = run;
  return (
    <section class="card" aria-labelledby="verdict-title">
      <h2 id="verdict-title">Verdict</h2>
      <div role="status" aria-live="polite">
        {final && (
          <p class={`verdict ${final.status}`}>
            <strong>{VERDICTS[final.status] ?? final.status}</strong> {final.message}
          </p>
        )}
        {error && (
          <p class="verdict internal_error">
            <strong>Not accepted ({error.code})</strong> {error.message}
          </p>
        )}
        {!final && !error && <p>{run.cancelling ? 'Being cancelled …' : 'Under way …'}</p>}
      </div>
      {final && (
        <dl class="facts">
          {facts(run).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <p class="links">
        {links.temporal_ui && run.workflow && (
          <a href={temporalLink(links, run.workflow)} target="_blank" rel="noreferrer">
            Run in Temporal
          </a>
        )}
        {links.kibana && (
          <a href={kibanaLink(links.kibana, run.id)} target="_blank" rel="noreferrer">
            Actions in Kibana
          </a>
        )}
        <code>{run.id}</code>
      </p>
    </section>
  );
}

/** What a sandbox consists of, by its name in the final frame. */
const SANDBOXES: Record<string, string> = {
  gvisor: 'gVisor, with namespaces of its own',
  landlock: 'container, with Landlock and seccomp',
  seccomp: 'container, with seccomp',
};

function facts({ final }: Run): [string, string][] {
  if (!final) return [];
  const { exit_code, signal, tests, wall_ms, peak_memory_bytes, error, namespace, durations_ms, sandbox } =
    final;
  const all: [string, string | null][] = [
    ['Namespace', namespace],
    ['Total', durations_ms.total === undefined ? null : formatDuration(durations_ms.total)],
    [
      'Tests',
      tests && `${tests.passed} of ${tests.total} passed${tests.skipped ? `, ${tests.skipped} skipped` : ''}`,
    ],
    ['Exit code', exit_code === null ? null : String(exit_code)],
    ['Signal', signal],
    ['Run time', wall_ms === null ? null : formatDuration(wall_ms)],
    ['Memory', peak_memory_bytes === null ? null : `${Math.round(peak_memory_bytes / 2 ** 20)} MiB`],
    ['Sandbox', sandbox && (SANDBOXES[sandbox] ?? sandbox)],
    ['Error', error && `${error.message}${error.line === null ? '' : `, line ${error.line}`}`],
  ];
  return all.filter((fact): fact is [string, string] => fact[1] !== null);
}

function temporalLink(
  { temporal_ui, temporal_namespace }: Links,
  { id, runId }: NonNullable<Run['workflow']>,
) {
  const [namespace, workflow, run] = [temporal_namespace, id, runId].map(encodeURIComponent);
  return `${temporal_ui}/namespaces/${namespace}/workflows/${workflow}/${run}/history`;
}

function kibanaLink(kibana: string, submissionId: string): string {
  const query = `(query:(language:kuery,query:'submission.id:"${submissionId}"'))`;
  return `${kibana}/app/discover#/?_a=${encodeURIComponent(query)}`;
}

/** Each test, with the reason if it did not pass. The lines of a diff are coloured. */
export function Tests({ tests, total }: { tests: (TestFrame | CaseFrame)[]; total: number | undefined }) {
  if (tests.length === 0) return null;
  return (
    <section class="card" aria-labelledby="tests-title">
      <h2 id="tests-title">Tests</h2>
      {total !== undefined && tests.length < total && (
        <p class="muted">
          {tests.length} of {total} so far
        </p>
      )}
      <ul class="tests">
        {tests.map(({ name, outcome, duration_ms, ...test }, index) => (
          <li key={index} class={outcome === 'passed' || outcome === 'skipped' ? outcome : 'failed'}>
            <span class="name">{name}</span> <span class="state">{outcome.replaceAll('_', ' ')}</span>{' '}
            <span class="time">{formatDuration(duration_ms)}</span>
            {'message' in test && test.message !== null && (
              <pre class="diff" tabIndex={0} aria-label={`Why ${name} did not pass`}>
                {test.message.split('\n').map((line, number) => (
                  <span key={number} class={diffClass(line)}>{`${line}\n`}</span>
                ))}
              </pre>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function diffClass(line: string): string {
  if (line.startsWith('+')) return 'added';
  return line.startsWith('-') ? 'removed' : '';
}
