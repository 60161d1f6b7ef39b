import type { IncomingMessage } from 'node:http';
import type { Principal } from '../auth/principal';

/** What was asked of the gateway, and what came of it. */
export interface Asked {
  /** Such as `api.submit`, `api.login` or `api.refused`. */
  action: string;
  /** Of the answer, as HTTP has it; a WebSocket's messages have none. */
  status?: number | undefined;
  /** Code of the error that it was answered with. */
  error?: { code: string; message: string } | undefined;
  /** Who asked; null when nobody knows. */
  principal: Principal | null;
  /** What it is about. */
  userId?: string | undefined;
  submissionId?: string | undefined;
  workflowId?: string | undefined;
  runId?: string | undefined;
  details?: object;
}

/** Notes who asked for what. Never throws, and nobody waits for it. */
export interface Audit {
  note(request: IncomingMessage, asked: Asked): void;
}

export const NO_AUDIT: Audit = { note: () => undefined };
