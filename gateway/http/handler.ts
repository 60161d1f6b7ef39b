import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { SpanKind } from '@opentelemetry/api';
import { linkedAbort } from '../../infrastructure/linkedAbort';
import type { Logger } from '../../infrastructure/logging';
import { inSpan, traceOf } from '../../infrastructure/telemetry/span';
import type { AuditEvent, Audit } from '../audit/audit';
import type { Access } from '../auth/access';
import type { Principal } from '../auth/principal';
import { errorFrame, type ErrorFrame } from '../protocol/errorFrame';
import { toErrorFrame } from '../submissions/errorFrames';
import { contractRoutes } from './contractRoutes';
import { HttpError, RETRY_AFTER, STATUS_OF } from './error';
import type { Call, Reply, Route } from './apiRoute';
import { sendJson } from './json';
import { liveRoute, type LiveParts } from './live';
import { logsRoute, type LogRouteParts } from './logs';
import { productionRoutes } from './productionRoutes';
import { router } from './router';
import { metricsRoute } from './metricsRoute';
import { languagesRoute } from './languageRoutes';
import { serviceRoutes } from './serviceRoutes';
import { submissionRoutes, type SubmissionRouteParts } from './submissionRoutes';
import type { SubmissionRules } from '../protocol/submissionRules';

export interface HttpParts
  extends SubmissionRouteParts, Pick<LiveParts, 'inspect'>, Pick<LogRouteParts, 'logs'> {
  rules: SubmissionRules;
  /** Aborted when the gateway should get no new clients; before `closing`. */
  leaving: AbortSignal;
  access: Access;
  audit: Audit;
  logger: Logger;
}

/** Answers plain HTTP requests. */
export function httpHandler(parts: HttpParts): RequestListener {
  const { submissions, rules, closing, audit, metrics, logger } = parts;
  const served = [
    ...serviceRoutes(() => submissions.ready(), parts.leaving),
    languagesRoute(rules),
    metricsRoute(metrics),
    ...submissionRoutes(parts),
    liveRoute(parts),
    logsRoute(parts),
    ...productionRoutes(parts),
  ];
  const find = router([...served, ...contractRoutes(served, rules)]);

  return (request, response) => {
    const gone = linkedAbort([closing]);
    response.once('close', () => gone.abort());
    response.on('error', () => undefined); // A response that breaks is closed, too.
    const url = urlOf(request);
    const log = logger.child({ method: request.method, path: url.pathname });
    void answerTo(request, response, url, gone.signal, log).catch((error: unknown) => {
      log[gone.signal.aborted ? 'info' : 'error']({ err: error }, 'failed while sending a response');
      response.destroy();
    });
  };

  async function answerTo(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    signal: AbortSignal,
    log: Logger,
  ): Promise<void> {
    let action = 'api.unknown';
    let principal: Principal | null = null;
    const note = (status: number, about: About, error?: ErrorFrame) => {
      const refused = status === 401 ? 'api.refused' : status === 403 ? 'api.forbidden' : null;
      // Reads are recorded only if they were refused because of their key.
      if (refused === null && (request.method !== 'POST' || principal === null)) return;
      audit.note(request, { action: refused ?? action, status, principal, error, ...about });
    };
    try {
      const { route, parameters } = find(request.method ?? 'GET', url.pathname);
      const begun = performance.now();
      response.once('close', () =>
        metrics.answered(route.method, route.path, response.statusCode, performance.now() - begun),
      );
      action = `api.${route.operationId}`;
      principal = route.open ? null : authorized(request, parts.access);
      const call: Call = { ...{ request, response, url, parameters, principal, signal }, logger: log };
      const reply = await traced(route, request, async () => route.handle(call));
      if (reply) {
        note(reply.status, aboutOf(reply.body, parameters));
        send(response, reply);
      }
    } catch (error) {
      if (response.headersSent) throw error;
      const { status, frame } = refuse(response, error, log);
      note(status, aboutOf(frame, {}), frame);
    }
  }

  function send(response: ServerResponse, { status, body, headers }: Reply): void {
    sendJson(response, status, body, { ...(closing.aborted && { Connection: 'close' }), ...headers });
  }

  function refuse(response: ServerResponse, error: unknown, log: Logger) {
    const frame = error instanceof HttpError ? error.frame : toErrorFrame(error);
    const status = STATUS_OF[frame.code];
    if (status >= 500) log.error({ err: error, code: frame.code }, 'request failed');
    else log.info({ code: frame.code }, 'request refused');
    const headers: OutgoingHttpHeaders = error instanceof HttpError ? error.headers : {};
    send(response, { status, body: frame, headers: { ...(status === 503 && RETRY_AFTER), ...headers } });
    return { status, frame };
  }
}

/** Runs a request that changes something in a span of its trace. */
function traced<T>({ method, path }: Route, { headers }: IncomingMessage, work: () => Promise<T>) {
  if (method === 'GET') return work();
  const attributes = { 'http.request.method': method, 'http.route': path };
  return inSpan(`${method} ${path}`, { attributes, kind: SpanKind.SERVER, parent: traceOf(headers) }, work);
}

type About = Pick<AuditEvent, 'userId' | 'submissionId' | 'workflowId' | 'runId'>;

/** What a call is about, according to its response and its path. */
function aboutOf(body: object | undefined, parameters: Record<string, string>): About {
  const named = { ...parameters, ...body } as Record<string, unknown>;
  const text = (name: string) => (typeof named[name] === 'string' ? named[name] : undefined);
  return {
    userId: text('user_id'),
    submissionId: text('submission_id'),
    workflowId: text('workflow_id'),
    runId: text('run_id'),
  };
}

/** @throws HttpError if the request has neither a valid key nor a valid session */
function authorized(request: IncomingMessage, access: Access): Principal {
  const { refused, principal } = access.identify(request);
  if (!refused) return principal;
  const { status, message, retryAfterSeconds } = refused;
  const code = status === 401 ? 'unauthorized' : status === 403 ? 'forbidden' : 'unavailable';
  const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': retryAfterSeconds };
  throw new HttpError(errorFrame(code, message), headers);
}

/** Parses a request's URL. An invalid one becomes a path without a route. */
function urlOf({ url = '/' }: IncomingMessage): URL {
  const absolute = `http://gateway${url.startsWith('/') ? url : '/'}`;
  return new URL(URL.canParse(absolute) ? absolute : 'http://gateway//');
}
