import type { RunReport } from '../activities/ports';

export interface Judgement {
  passed: boolean;
  reason: RunReport['outcome'];
  message: string;
}

/** Decides on a run by what was measured of it from outside; nothing that it printed has a say. */
export function evaluate(run: RunReport): Judgement {
  return { passed: run.outcome === 'passed', reason: run.outcome, message: describe(run) };
}

function describe(run: RunReport): string {
  switch (run.outcome) {
    case 'passed':
      return 'The program ended with exit code 0.';
    case 'syntax_error':
      return `The program is not valid: ${whereAndWhat(run)}`;
    case 'failed':
      return run.error
        ? `The program ended with exit code ${run.exitCode}: ${whereAndWhat(run)}`
        : `The program ended with exit code ${run.exitCode}.`;
    case 'timed_out':
      return `The program was still running after ${(run.wallMs / 1000).toFixed(1)} s and was stopped.`;
    case 'out_of_memory':
      return `The program needed more memory than it may have (it had ${megabytes(run.peakMemoryBytes)} MB).`;
    case 'too_much_output':
      return `The program printed ${megabytes(run.stdout.bytes + run.stderr.bytes)} MB and was stopped.`;
    case 'killed_by_signal':
      return `The program was ended by ${run.signal ?? 'a signal'}.`;
  }
}

function whereAndWhat({ error }: RunReport): string {
  if (!error) return 'no details were given.';
  const place =
    error.file === null ? '' : ` (${error.file}${error.line === null ? '' : `, line ${error.line}`})`;
  return `${error.message}${place}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
