import { ECS_VERSION, kindOf } from './ecs';
import type { LogDocument, Provenance } from './ports';

/** Something that the platform did for a submission, from the workflow's view. */
export interface Action {
  /** Such as `submission.accepted`, `stage.run_tests` or `submission.finished`. */
  name: string;
  /** `unknown` for a stage that was deferred: it runs again. */
  outcome: 'success' | 'failure' | 'unknown';
  /** Milliseconds since the epoch, by the workflow's clock. */
  startedAt: number;
  endedAt: number;
  /** Why it ended this way, as a stable identifier. */
  reason?: string;
  /** The same in a sentence. */
  message?: string;
  /** The stage's report; stored, but not indexed. */
  details?: unknown;
}

/** All actions of a submission or operation, in order. */
export interface ActionTrail {
  /** Who caused them. An operation has no submission. */
  provenance: Omit<Provenance, 'submissionId' | 'codeDigest'> &
    Partial<Pick<Provenance, 'submissionId' | 'codeDigest'>>;
  namespace: string;
  actions: Action[];
  /** The id of their trace, in hexadecimal; absent without tracing. */
  traceId?: string;
}

const NANOSECONDS = 1_000_000;

/**
 * The documents of a trail, in the Elastic Common Schema. An action's id is derived from its workflow, run
 * and position in the trail, so writing a trail again changes nothing.
 */
export function documentsOf({ provenance, namespace, actions, traceId }: ActionTrail): LogDocument[] {
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
