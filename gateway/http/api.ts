/** Assembles everything that the gateway answers over plain HTTP: parsing, checks, hooks and routes. */
import { METHODS, type RequestListener, type Server } from 'node:http';
import { SpanKind } from '@opentelemetry/api';
import Fastify, { LogController, type FastifyReply, type RouteOptions } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { linkedAbort } from '../../infrastructure/linkedAbort';
import type { Logger } from '../../infrastructure/logging';
import { inSpan, traceOf } from '../../infrastructure/telemetry/span';
import { errorFrame } from '../protocol/errorFrame';
import { submitMessage } from '../protocol/submitMessage';
import type { Api } from './apiTypes';
import { auditCall } from './auditCall';
import { requireKey } from './caller';
import { documentRoutes, useOpenApi } from './documentRoutes';
import { answerError, answerNotFound, DEFAULT_HEADERS, HttpError } from './error';
import { languagesRoute } from './languageRoutes';
import { liveRoute, type LiveParts } from './live';
import { loginRoutes, type LoginParts } from './loginRoutes';
import { logsRoute, type LogRouteParts } from './logs';
import { metricsRoute } from './metricsRoute';
import { API_KEY_SECURITY } from './openApi';
import { pageRoutes, type PageLinks } from './pageRoutes';
import { productionRoutes } from './productionRoutes';
import { serviceRoutes } from './serviceRoutes';
import { submissionRoutes, type SubmissionRouteParts } from './submissionRoutes';
import { acceptOnlyJson, DEFAULT_BODY_LIMIT_BYTES, validatorCompiler } from './validation';

export interface ApiParts
  extends
    Omit<SubmissionRouteParts, 'submitSchema'>,
    Pick<LiveParts, 'inspect' | 'programUrl'>,
    Pick<LogRouteParts, 'logs'>,
    Pick<LoginParts, 'addressOf' | 'audit' | 'access'> {
  /** Links of the page. */
  links: PageLinks;
  /** Aborted when the gateway should get no new clients; before `closing`. */
  leaving: AbortSignal;
  /** Aborted when the gateway shuts down: ends streams and waits. */
  closing: AbortSignal;
  logger: Logger;
}

/**
 * Builds everything that is answered over plain HTTP.
 * @param createServer makes the server for a listener that answers requests
 */
export async function createApi(
  parts: ApiParts,
  createServer: (answer: RequestListener) => Server,
): Promise<Api> {
  const api = Fastify({
    loggerInstance: parts.logger,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger, _bindings, _options, { method, url = '' }) =>
      logger.child({ method, path: url.split('?', 1)[0] }),
    serverFactory: createServer,
    // The path cannot be decoded.
    frameworkErrors: (_error, request, reply: FastifyReply) => answerNotFound(request, reply),
    // Longer than a path can be, as Node limits the headers: the schemas of the routes limit ids.
    routerOptions: { maxParamLength: 65_536 },
    bodyLimit: DEFAULT_BODY_LIMIT_BYTES,
  }).withTypeProvider<ZodTypeProvider>();
  for (const method of METHODS) if (!api.supportedMethods.includes(method)) api.addHttpMethod(method);
  acceptOnlyJson(api);
  api.setValidatorCompiler(validatorCompiler);
  // Answers are checked against their schemas by the compiler, and by tests.
  api.setSerializerCompiler(() => JSON.stringify);
  api.setReplySerializer((payload) => `${JSON.stringify(payload)}\n`);
  api.setErrorHandler(answerError);
  api.setNotFoundHandler(answerNotFound);
  observeRequests(api, parts);
  api.addHook('onRoute', traceChanges);
  const submitSchema = submitMessage(parts.rules);
  const methods = methodsByPath(api);
  await useOpenApi(api, submitSchema);
  await api.register((authenticated: Api, _options, done) => {
    authenticated.addHook(
      'onRoute',
      (route) => void (route.schema = { ...route.schema, security: API_KEY_SECURITY }),
    );
    authenticated.addHook('onRequest', requireKey(parts.access));
    authenticated.addHook('preSerialization', auditCall(parts.audit));
    submissionRoutes(authenticated, { ...parts, submitSchema });
    liveRoute(authenticated, parts);
    logsRoute(authenticated, parts);
    productionRoutes(authenticated, parts);
    done();
  });
  serviceRoutes(api, () => parts.submissions.ready(), parts.leaving);
  languagesRoute(api, parts.rules);
  metricsRoute(api, parts.metrics);
  documentRoutes(api, parts.rules);
  await pageRoutes(api, parts);
  loginRoutes(api, parts);
  refuseOtherMethods(api, methods);
  await api.ready();
  return api;
}

/** Gives each request its signal, default headers and metrics. */
function observeRequests(api: Api, { closing, metrics }: ApiParts): void {
  api.decorateRequest('principal', null);
  api.addHook('onRequest', (request, reply, next) => {
    const begun = performance.now();
    const ended = linkedAbort([closing]);
    request.abortSignal = ended.signal;
    const { socket } = request.raw;
    const end = () => {
      socket.off('close', end);
      reply.raw.off('close', end);
      ended.abort();
      const route = request.routeOptions.url;
      if (route === undefined) return;
      metrics.answered(request.method, bracesIn(route), reply.raw.statusCode, performance.now() - begun);
    };
    // A response that waits behind another one on its connection does not see the connection close.
    socket.setMaxListeners(0);
    socket.once('close', end);
    reply.raw.once('close', end);
    reply.headers(DEFAULT_HEADERS);
    // Rejects an unknown address immediately, without reading the body.
    if (request.is404) answerNotFound(request, reply);
    else next();
  });
  api.addHook('onSend', (_request, reply, _payload, next) => {
    if (closing.aborted) reply.header('Connection', 'close');
    next();
  });
}

/** Runs requests that change something in a span of their trace. */
function traceChanges(route: RouteOptions): void {
  if (route.method !== 'POST') return;
  const path = bracesIn(route.url);
  const attributes = { 'http.request.method': route.method, 'http.route': path };
  const { handler } = route;
  route.handler = function (request, reply) {
    const settings = { attributes, kind: SpanKind.SERVER, parent: traceOf(request.raw.headers) };
    return inSpan(`POST ${path}`, settings, () => Promise.resolve(handler.call(this, request, reply)));
  };
}

/** Collects the methods of each path of the API, as routes are added. */
function methodsByPath(api: Api): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>();
  api.addHook('onRoute', ({ url, method, schema }) => {
    if (schema === undefined || schema.hide) return;
    const known = methods.get(url) ?? new Set();
    for (const each of [method].flat()) known.add(each);
    methods.set(url, known);
  });
  return methods;
}

/** Answers other methods of these paths with 405, which Fastify would answer with 404. */
function refuseOtherMethods(api: Api, methods: Map<string, Set<string>>): void {
  for (const [url, known] of [...methods]) {
    const others = api.supportedMethods.filter((method) => !known.has(method));
    const allowed = [...known].filter((method) => method !== 'HEAD').join(', ');
    api.route({
      method: others,
      url,
      schema: { hide: true },
      onRequest: () => {
        const frame = errorFrame('method_not_allowed', `this address takes ${allowed}`);
        return Promise.reject(new HttpError(frame, { Allow: allowed }));
      },
      handler: () => undefined,
    });
  }
}

/** A path with its parameters in braces, as OpenAPI has it. */
function bracesIn(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}
