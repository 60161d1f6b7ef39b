import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Logger } from '../../infrastructure/logging';
import type { ErrorCode } from '../protocol/errorFrame';
import type { Principal } from '../auth/principal';

/** A request that is being handled. */
export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** Values of the path's parameters, by name. */
  parameters: Record<string, string>;
  /** The caller; null on an open route. */
  principal: Principal | null;
  /** Aborted when the client disconnects or the gateway shuts down. */
  signal: AbortSignal;
  logger: Logger;
}

export interface Reply {
  status: number;
  /** Sent as JSON. If left out, the response has no body. */
  body?: object;
  headers?: OutgoingHttpHeaders;
}

/** A response that a route may send, for its OpenAPI description. */
export interface Answer {
  description: string;
  /** Media type. Default: `application/json`. */
  type?: string;
  /** Name of a schema in the OpenAPI document. */
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

/** A path and method with its handler and its OpenAPI description. */
export interface Route {
  method: 'GET' | 'POST';
  /** Parts in braces are parameters. */
  path: string;
  /** Needs no key. */
  open?: true;
  operationId: string;
  summary: string;
  description?: string;
  query?: z.ZodObject;
  headers?: Record<string, { description: string; schema: z.ZodType }>;
  body?: SchemaName;
  answers: Record<number, Answer>;
  errors?: ErrorCode[];
  /** @returns nothing if it wrote the response itself */
  handle(call: Call): Promise<Reply | void> | Reply;
}
