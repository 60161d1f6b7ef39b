import { randomUUID } from 'node:crypto';
import { requestedBy } from './requestedBy';

export interface OperatorAction {
  /** Such as `key.created` or `backup`. */
  action: string;
  outcome: 'success' | 'failure';
  /** In the terms of the Elastic Common Schema. */
  kind: { category: string[]; type: string[] };
  message: string;
  startedAt: Date;
  /** What it refers to: `user`, `key`, `orchestrator`. */
  about: Record<string, unknown>;
  details: object;
}

/** An operator's action as a document of the Elastic Common Schema. */
export function operatorDocument({
  action,
  outcome,
  kind,
  message,
  startedAt,
  about,
  details,
}: OperatorAction) {
  const id = randomUUID();
  const end = new Date();
  return {
    _id: id,
    '@timestamp': end.toISOString(),
    message,
    ecs: { version: '8.17.0' },
    event: {
      ...{ id, kind: 'event', dataset: 'orchestration.actions', ...kind, action, outcome },
      ...{ start: startedAt.toISOString(), end: end.toISOString() },
      duration: (end.getTime() - startedAt.getTime()) * 1_000_000,
    },
    service: { name: 'orchestration-ops' },
    ...about,
    details: { requested_by: requestedBy(), ...details },
  };
}
