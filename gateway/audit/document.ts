import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { namespaceOf } from '../../workflows/contract';
import type { AuditEvent } from './audit';

/** Version of the Elastic Common Schema that documents follow. */
const ECS_VERSION = '8.17.0';

/** Longest text taken from a client, in characters. */
const MAX_CHARACTERS = 256;

/** Category and type of each action in the schema. Other actions change something through the API. */
const KINDS: Record<string, { category: string[]; type: string[] }> = {
  'api.login': { category: ['authentication'], type: ['start'] },
  'api.logout': { category: ['authentication'], type: ['end'] },
  'api.refused': { category: ['authentication'], type: ['start'] },
  'api.forbidden': { category: ['api'], type: ['denied'] },
  'api.submit': { category: ['api'], type: ['creation'] },
};

export interface AuditDocument {
  _id: string;
  '@timestamp': string;
  [field: string]: unknown;
}

/**
 * Builds the document of a call, in the Elastic Common Schema. It keeps its id when it is sent again.
 * @param address IP address of the caller
 */
export function auditDocument(
  request: IncomingMessage,
  asked: AuditEvent,
  address: string | undefined,
): AuditDocument {
  const { action, status, error, principal, userId, submissionId, workflowId, runId, details } = asked;
  const id = randomUUID();
  const concerned = userId ?? principal?.userId ?? undefined;
  const outcome = error || (status !== undefined && status >= 400) ? 'failure' : 'success';
  const traceId = traceIn(request);
  return {
    _id: id,
    '@timestamp': new Date().toISOString(),
    message: `${action}: ${error?.message ?? outcome}`,
    ecs: { version: ECS_VERSION },
    event: {
      ...{ id, kind: 'event', dataset: 'orchestration.audit', action, outcome },
      ...(KINDS[action] ?? { category: ['api'], type: ['change'] }),
      ...(error && { reason: error.code }),
    },
    service: { name: 'orchestration-gateway' },
    source: { ip: address },
    http: {
      request: { method: request.method },
      ...(status !== undefined && { response: { status_code: status } }),
    },
    url: { path: pathOf(request) },
    user_agent: { original: request.headers['user-agent']?.slice(0, MAX_CHARACTERS) },
    ...(error && { error: { code: error.code, message: error.message } }),
    ...(traceId !== undefined && { trace: { id: traceId } }),
    ...(principal && { key: { id: principal.keyId } }),
    ...(concerned !== undefined && {
      user: { id: concerned },
      orchestrator: { type: 'kubernetes', namespace: namespaceOf(concerned) },
    }),
    ...(submissionId !== undefined && { submission: { id: submissionId } }),
    ...(workflowId !== undefined && { temporal: { workflow_id: workflowId, run_id: runId } }),
    ...(details && { details }),
  };
}

/** Without the query, which may contain private data. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0]?.slice(0, MAX_CHARACTERS) ?? '/';
}

/** Id of the caller's trace, from its W3C Trace Context header. */
function traceIn({ headers }: IncomingMessage): string | undefined {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(String(headers.traceparent))?.[1];
}
