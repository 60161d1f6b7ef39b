import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Logger } from '../../infrastructure/logging';
import type { ErrorCode } from '../protocol/errorFrame';
import type { Principal } from '../auth/principal';

/** One request while it is answered. */
export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** What stands in the places of the path's braces. */
  parameters: Record<string, string>;
  /** Who calls; null on an open route. */
  principal: Principal | null;
  /** Aborted when the client is gone, or the gateway is going down. */
  signal: AbortSignal;
  logger: Logger;
}

export interface Reply {
  status: number;
  /** Sent as JSON; nothing when left out. */
  body?: object;
  headers?: OutgoingHttpHeaders;
}

/** What a route may answer, for the contract. */
export interface Answer {
  description: string;
  /** `application/json` unless it says otherwise. */
  type?: string;
  /** Name of a schema of the contract. */
  schema?: SchemaName;
}

export type SchemaName =
  | 'Submit'
  | 'Submission'
  | 'SubmissionDetails'
  | 'SubmissionList'
  | 'SubmissionFrame'
  | 'Cancelled'
  | 'Stdin'
  | 'InputState'
  | 'LanguageList'
  | 'Live'
  | 'Rollback'
  | 'Operation'
  | 'Error';

/** A path and method with what it does, and what the contract says of it. */
export interface Route {
  method: 'GET' | 'POST';
  /** Parts in braces are parameters. */
  path: string;
  /** Answered without a key. */
  open?: true;
  operationId: string;
  summary: string;
  description?: string;
  query?: z.ZodObject;
  headers?: Record<string, { description: string; schema: z.ZodType }>;
  body?: SchemaName;
  answers: Record<number, Answer>;
  errors?: ErrorCode[];
  /** @returns nothing when it wrote the response itself */
  handle(call: Call): Promise<Reply | void> | Reply;
}
