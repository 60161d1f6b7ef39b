import type { RunReport } from '../../../activities/ports';
import type { ErrorPatterns } from '../../../sandbox/languages/languages';
import type { EndRecord, StreamName } from './frames';
import { readProgramError } from './programError';

import type { ReceivedOutput } from './receivedOutput';

/** Enough of stderr to contain a language's report of an error. */
const ERROR_BYTES = 16_384;

/**
 * Builds the report of a run from its end record and its received output.
 * @throws PlatformError `Unavailable` when output is missing or different: then there is no result
 */
export function reportOf(
  end: EndRecord,
  { stdout, stderr, report }: Record<StreamName, ReceivedOutput>,
  errors: ErrorPatterns,
  podUid: string,
): RunReport {
  const text = end.check ?? stderr.tail(ERROR_BYTES);
  const failed = end.outcome === 'failed' || end.outcome === 'syntax_error';
  const { out_of_memory: outOfMemory } = errors;
  const error = failed ? readProgramError(errors, text) : null;
  // Distinguishes only between failures: nothing that the program prints can make the run pass.
  const ended = end.outcome === 'failed' || end.outcome === 'killed_by_signal';
  const starved = ended && outOfMemory !== undefined && text.search(outOfMemory) >= 0;
  return {
    outcome: starved ? 'out_of_memory' : end.outcome,
    exitCode: end.exit_code,
    signal: end.signal,
    serving: end.serving,
    wallMs: end.wall_ms,
    cpuMs: end.cpu_ms,
    peakMemoryBytes: end.peak_memory_bytes,
    stdout: stdout.verify('stdout', end.stdout),
    stderr: stderr.verify('stderr', end.stderr),
    report: report.verify('report', end.report).text,
    error,
    ...(end.listens?.length && { listens: end.listens }),
    ...(end.sandbox !== undefined && { sandbox: end.sandbox }),
    podUid,
    executionId: end.execution,
  };
}
