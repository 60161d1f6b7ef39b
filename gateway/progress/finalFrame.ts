import type { StepReport, Verdict } from '../../workflows/contract';
import type { Ending } from '../../workflows/history/events';
import type { FinalFrame, Unplaced } from '../protocol/serverFrames';

/** What a final frame is built from. */
export interface End
  extends Ending, Pick<Verdict, 'tests' | 'migration' | 'rollout' | 'supersededBy' | 'live'> {
  namespace: string;
  /** The step that decided, with its output, if its report was read. */
  step: StepReport | null;
  /** Whether the submission contained tests. */
  brought: boolean;
  /** URL of the user's program; null if the gateway forwards to no program. */
  url: string | null;
  durationsMs: Record<string, number>;
  workflowId: string;
  runId: string;
}

/** Builds the final frame. `status` and `namespace` are its first two keys, as in the API contract. */
export function finalFrame(end: End): Unplaced<FinalFrame> {
  const { status, namespace, reason, message, tests, rollout, live, step } = end;
  // Verdicts of older workers contain neither `migration` nor `supersededBy`.
  const { migration = null, supersededBy = null } = end;
  const deciding = step ?? tests?.steps.at(-1);
  return {
    ...{ status, namespace, reason, message },
    exit_code: deciding?.exitCode ?? null,
    signal: deciding?.signal ?? null,
    serving: deciding?.serving ?? false,
    error: deciding?.error ?? null,
    tests: end.brought && tests ? tests.tests : null,
    wall_ms: deciding?.wallMs ?? null,
    cpu_ms: deciding?.cpuMs ?? null,
    peak_memory_bytes: deciding?.peakMemoryBytes ?? null,
    sandbox: deciding?.sandbox ?? null,
    migration: migration && {
      outcome: migration.outcome,
      exit_code: migration.exitCode,
      message: migration.message,
      output: migration.logs,
    },
    rollout: rollout && { outcome: rollout.outcome, events: rollout.events, output: rollout.logs },
    superseded_by: supersededBy,
    live: live && { submission_id: live.submissionId, code_digest: live.codeDigest },
    url: status === 'deployed' ? end.url : null,
    stdout: step?.stdout.text ?? null,
    stderr: step?.stderr.text ?? null,
    stdout_bytes: step?.stdout.bytes ?? 0,
    stderr_bytes: step?.stderr.bytes ?? 0,
    durations_ms: end.durationsMs,
    workflow_id: end.workflowId,
    run_id: end.runId,
  };
}
