import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  RouteGenericInterface,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from '../../infrastructure/logging';
import type { Principal } from '../auth/principal';
import type { ErrorCode } from '../protocol/errorFrame';

/** The HTTP server's framework, which takes the types of requests and answers from zod schemas. */
export type Api = FastifyInstance<Server, IncomingMessage, ServerResponse, Logger, ZodTypeProvider>;

export type ApiRequest = FastifyRequest<
  RouteGenericInterface,
  Server,
  IncomingMessage,
  FastifySchema,
  ZodTypeProvider,
  unknown,
  Logger
>;

export type ApiReply = FastifyReply;

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller; null on a route that needs no key. */
    principal: Principal | null;
    /** Aborted when the client disconnects or the gateway shuts down. */
    abortSignal: AbortSignal;
  }
  interface FastifyContextConfig {
    /** Codes of errors that the route may answer with, in addition to those of every route with a key. */
    errors?: readonly ErrorCode[];
  }
}
