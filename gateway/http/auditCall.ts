import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Audit, AuditEvent } from '../audit/audit';
import type { ErrorFrame } from '../protocol/errorFrame';

/** A hook that records calls which change something, and every call that was refused because of its key. */
export function auditCall(audit: Audit) {
  return async (request: FastifyRequest, reply: FastifyReply, body: unknown): Promise<unknown> => {
    const { statusCode: status } = reply;
    const refused = { 401: 'api.refused', 403: 'api.forbidden' }[status];
    const changes = request.method === 'POST' && request.principal !== null;
    if (refused !== undefined || changes) {
      const action = refused ?? `api.${request.routeOptions.schema?.operationId}`;
      const error = isError(body) ? body : undefined;
      const { principal, params } = request;
      audit.note(request.raw, {
        ...{ action, status, principal, error },
        ...subjectOf({ ...(error === undefined && (params as object)), ...(body as object) }),
      });
    }
    return Promise.resolve(body);
  };
}

type Subject = Pick<AuditEvent, 'userId' | 'submissionId' | 'workflowId' | 'runId'>;

/** What a call is about, according to its response and its path. */
function subjectOf(names: Record<string, unknown>): Subject {
  const text = (name: string) => (typeof names[name] === 'string' ? names[name] : undefined);
  return {
    userId: text('user_id'),
    submissionId: text('submission_id'),
    workflowId: text('workflow_id'),
    runId: text('run_id'),
  };
}

function isError(body: unknown): body is ErrorFrame {
  return typeof body === 'object' && body !== null && 'type' in body && body.type === 'error';
}
