import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { SpanKind } from '@opentelemetry/api';
import type { Logger } from '../../infrastructure/logging';
import { inSpan, traceOf } from '../../infrastructure/telemetry/span';
import type { Access } from '../keys/access';
import type { Principal } from '../keys/principal';
import { errorFrame } from '../errorFrame';
import { explain } from '../explain';
import { contractRoutes } from './contractRoutes';
import { HttpError, RETRY_AFTER, STATUS_OF } from './error';
import type { Call, Reply, Route } from './apiRoute';
import { sendJson } from './json';
import { liveRoute, type LiveParts } from './live';
import { productionRoutes } from './productionRoutes';
import { router } from './router';
import { metricsRoute } from './metricsRoute';
import { serviceRoutes } from './serviceRoutes';
import { submissionRoutes, type SubmissionRouteParts } from './submissionRoutes';
import type { SubmissionRules } from '../messages/rules';

export interface HttpParts extends SubmissionRouteParts, Pick<LiveParts, 'inspect'> {
  rules: SubmissionRules;
  access: Access;
  logger: Logger;
}

/** Answers plain HTTP requests. */
export function httpHandler(parts: HttpParts): RequestListener {
  const { submissions, rules, closing, metrics, logger } = parts;
  const served = [
    ...serviceRoutes(() => submissions.ready(), closing),
    metricsRoute(metrics),
    ...submissionRoutes(parts),
    liveRoute(parts),
    ...productionRoutes(parts),
  ];
  const find = router([...served, ...contractRoutes(served, rules)]);

  return (request, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    response.on('error', () => undefined); // A response that breaks off closes, too.
    const url = urlOf(request);
    const log = logger.child({ method: request.method, path: url.pathname });
    void answerTo(request, response, url, AbortSignal.any([gone.signal, closing]), log).catch(
      (error: unknown) => {
        log[gone.signal.aborted ? 'info' : 'error']({ err: error }, 'a response was broken off');
        response.destroy();
      },
    );
  };

  async function answerTo(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    signal: AbortSignal,
    log: Logger,
  ): Promise<void> {
    try {
      const { route, parameters } = find(request.method ?? 'GET', url.pathname);
      const begun = performance.now();
      response.once('close', () =>
        metrics.answered(route.method, route.path, response.statusCode, performance.now() - begun),
      );
      const principal = route.open ? null : authorized(request, parts.access);
      const call: Call = { ...{ request, response, url, parameters, principal, signal }, logger: log };
      const reply = await traced(route, request, async () => route.handle(call));
      if (reply) send(response, reply);
    } catch (error) {
      if (response.headersSent) throw error;
      refuse(response, error, log);
    }
  }

  function send(response: ServerResponse, { status, body, headers }: Reply): void {
    sendJson(response, status, body, { ...(closing.aborted && { Connection: 'close' }), ...headers });
  }

  function refuse(response: ServerResponse, error: unknown, log: Logger): void {
    const frame = error instanceof HttpError ? error.frame : explain(error);
    const status = STATUS_OF[frame.code];
    if (status >= 500) log.error({ err: error, code: frame.code }, 'request could not be carried out');
    else log.info({ code: frame.code }, 'request refused');
    const headers: OutgoingHttpHeaders = error instanceof HttpError ? error.headers : {};
    send(response, { status, body: frame, headers: { ...(status === 503 && RETRY_AFTER), ...headers } });
  }
}

/** A request that changes something is a step of a trace. */
function traced<T>({ method, path }: Route, { headers }: IncomingMessage, work: () => Promise<T>) {
  if (method === 'GET') return work();
  const attributes = { 'http.request.method': method, 'http.route': path };
  return inSpan(`${method} ${path}`, { attributes, kind: SpanKind.SERVER, parent: traceOf(headers) }, work);
}

/** @throws HttpError when the request brings no valid key, and no login that is its own */
function authorized(request: IncomingMessage, access: Access): Principal {
  const { refused, principal } = access.identify(request);
  if (!refused) return principal;
  const { status, message, retryAfterSeconds } = refused;
  const code = status === 401 ? 'unauthorized' : status === 403 ? 'forbidden' : 'unavailable';
  const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': retryAfterSeconds };
  throw new HttpError(errorFrame(code, message), headers);
}

/** What is no address leads nowhere. */
function urlOf({ url = '/' }: IncomingMessage): URL {
  const absolute = `http://gateway${url.startsWith('/') ? url : '/'}`;
  return new URL(URL.canParse(absolute) ? absolute : 'http://gateway//');
}
