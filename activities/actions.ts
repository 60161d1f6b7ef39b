import { ECS_VERSION, kindOf } from './ecs';
import type { LogDocument, Provenance } from './ports';

/** One thing that the platform did for a submission, as the workflow saw it. */
export interface Action {
  /** Such as `submission.accepted`, `stage.run_tests` or `submission.finished`. */
  name: string;
  /** `unknown` for a stage that was deferred: it comes again. */
  outcome: 'success' | 'failure' | 'unknown';
  /** Milliseconds since the epoch, by the workflow's clock. */
  startedAt: number;
  endedAt: number;
  /** Why it ended so, as a stable word. */
  reason?: string;
  /** The same in a sentence. */
  message?: string;
  /** What the stage reported; stored, not indexed. */
  details?: unknown;
}

/** Everything that a submission did, in order. */
export interface ActionTrail {
  /** Who caused it; what an operator does to no submission in particular has none. */
  provenance: Omit<Provenance, 'submissionId' | 'codeDigest'> &
    Partial<Pick<Provenance, 'submissionId' | 'codeDigest'>>;
  namespace: string;
  actions: Action[];
}

/** What identifies the recording, and is in no trail. */
export interface Recording {
  /** Of the trace that the recording belongs to, in hexadecimal; none when nothing is traced. */
  traceId?: string | undefined;
}

const NANOSECONDS = 1_000_000;

/**
 * The documents of a trail, in the terms of the Elastic Common Schema. An action's id comes from its
 * workflow, run and place in the trail, so that writing a trail again changes nothing.
 */
export function documentsOf(
  { provenance, namespace, actions }: ActionTrail,
  { traceId }: Recording = {},
): LogDocument[] {
  const idOf = (index: number) => `${provenance.workflowId}:${provenance.runId}:${index}`;
  return actions.map((action, index) => ({
    _id: idOf(index),
    '@timestamp': new Date(action.endedAt).toISOString(),
    message: action.message ?? `${action.name}: ${action.outcome}`,
    ecs: { version: ECS_VERSION },
    event: {
      id: idOf(index),
      kind: 'event',
      dataset: 'orchestration.actions',
      ...kindOf(action.name),
      action: action.name,
      outcome: action.outcome,
      reason: action.reason,
      sequence: index,
      start: new Date(action.startedAt).toISOString(),
      end: new Date(action.endedAt).toISOString(),
      duration: (action.endedAt - action.startedAt) * NANOSECONDS,
    },
    service: { name: 'orchestration-worker' },
    ...(traceId !== undefined && { trace: { id: traceId } }),
    user: { id: provenance.userId },
    key: { id: provenance.keyId },
    orchestrator: { type: 'kubernetes', namespace },
    submission: { id: provenance.submissionId, code_digest: provenance.codeDigest },
    temporal: { workflow_id: provenance.workflowId, run_id: provenance.runId },
    details: action.details,
  }));
}
