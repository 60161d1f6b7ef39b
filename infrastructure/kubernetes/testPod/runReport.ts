import type { ErrorPatterns } from '../../../sandbox/languages/languages';
import type { EndRecord, StreamName } from './frames';
import { readProgramError } from './programError';
import type { ProgramError } from './programError';
import type { CapturedOutput, ReceivedOutput } from './receivedOutput';

/** The shapes that the port `TestRunner` has; the worker's wiring checks that they fit. */
export interface RunRequest {
  key: string;
  userId: string;
  submissionId: string;
  program: { language: string; files: Record<string, string>; entrypoint: string; requirements: string[] };
  command: string;
  input: { stdin: string; args: string[]; env: Record<string, string>; interactive?: boolean };
  limits: { wallMs: number; memoryBytes: number; keepOutputBytes: number; maxOutputBytes: number };
  wait?: 'brief' | 'in_turn';
}

export interface RunReport {
  outcome: EndRecord['outcome'];
  exitCode: number | null;
  signal: string | null;
  serving: boolean;
  wallMs: number;
  cpuMs: number;
  peakMemoryBytes: number;
  stdout: CapturedOutput;
  stderr: CapturedOutput;
  report: string;
  error: ProgramError | null;
  listens?: string[];
  podUid: string;
  executionId: string;
}

/** Enough of stderr for what a language says of an error. */
const ERROR_BYTES = 16_384;

/**
 * What came of a run: its end record, with what arrived of its output.
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
  // One failure told from another, by what the program says of itself: no words of its own can make it pass.
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
    podUid,
    executionId: end.execution,
  };
}
