import type { IncomingMessage } from 'node:http';
import type { Principal } from '../auth/principal';

/** A call to the gateway, and its result. */
export interface AuditEvent {
  /** Such as `api.submit`, `api.login` or `api.refused`. */
  action: string;
  /** HTTP status of the response. Messages of a WebSocket have none. */
  status?: number | undefined;
  /** The error in the response. */
  error?: { code: string; message: string } | undefined;
  /** Who called; null if unknown. */
  principal: Principal | null;
  /** What the call is about. */
  userId?: string | undefined;
  submissionId?: string | undefined;
  workflowId?: string | undefined;
  runId?: string | undefined;
  details?: object;
}

/** Records calls. Never throws, and never delays a call. */
export interface Audit {
  note(request: IncomingMessage, asked: AuditEvent): void;
}

export const NO_AUDIT: Audit = { note: () => undefined };
