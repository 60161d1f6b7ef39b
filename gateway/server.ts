import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once, setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions } from 'ws';
import type { KeyDirectory } from '../infrastructure/kubernetes/keys';
import type { Logger } from '../infrastructure/logging';
import { traceOf } from '../infrastructure/telemetry/span';
import { createApps, type AppsParts } from './apps/apps';
import { NO_AUDIT, type AuditEvent, type Audit } from './audit/audit';
import { toErrorFrame } from './submissions/errorFrames';
import { guarded } from './errorBoundary';
import { disconnectUnresponsive } from './websocket/heartbeat';
import { clientAddress, type ClientAddress } from './auth/clientAddress';
import { STATUS_OF } from './http/error';
import { httpHandler } from './http/handler';
import { sendJson } from './http/json';
import type { LiveParts } from './http/live';
import type { LogRouteParts } from './http/logs';
import type { ReadOutput } from './http/output';
import { createAccess, type Refusal } from './auth/access';
import { createConnectionRegistry } from './auth/connectionRegistry';
import { loginHandler } from './http/loginRoutes';
import { Quotas } from './auth/rateLimits';
import { authorizedSubmissions } from './submissions/authorizedSubmissions';
import { CLOSE, limitsFor, type Limits } from './limits';
import { messageParser } from './protocol/clientMessages';
import type { SubmissionRules } from './protocol/submissionRules';
import { createMetrics, type Metrics } from './metrics';
import { pageHandler, type PageLinks } from './http/staticPage';
import { serveSocket } from './websocket/connection';
import type { Submissions } from './submissions/submissionService';
import { refuseUpgrade } from './auth/refuseUpgrade';
import { admit } from './websocket/upgrade';

export interface ServerSettings {
  API_KEY: string;
  HOST: string;
  /** 0 selects a free port. */
  PORT: number;
}

export interface RunningServer {
  /**
   * URL of the server on this machine, such as `http://127.0.0.1:8000`. The `ws` library takes it as it is.
   */
  url: string;
  /** Reports in `/readyz` that it accepts no new clients, and continues to serve. */
  leave(): void;
  /**
   * Stops accepting connections, asks every client to reconnect elsewhere (1001), and resolves when all
   * connections are closed: within `closeTimeoutMs` of the limits.
   */
  close(): Promise<void>;
}

/**
 * Starts to serve WebSockets and HTTP.
 * @throws Error of node:net if the address is in use or not on this machine
 */
export async function startServer(
  settings: ServerSettings,
  {
    submissions,
    rules,
    logger,
    keys = null,
    links = NO_LINKS,
    limits = limitsFor(rules.maxCodeBytes),
    inspect = null,
    logs = { live: null, history: null },
    audit = NO_AUDIT,
    metrics = createMetrics(),
    outputArchive = null,
    programAddress = null,
    addressOf = clientAddress(),
  }: ServerParts,
): Promise<RunningServer> {
  const access = createAccess(settings.API_KEY, keys);
  const quotas = new Quotas(limits.perKey);
  const connections = createConnectionRegistry(access, keys);
  const logsIn = loginHandler({ access, audit, logger, addressOf });
  const apps = programAddress && createApps({ access, addressOf: programAddress, logger });
  const servesPage = pageHandler(access, links);
  if (!servesPage) logger.warn('the page is not built: run `node gateway/web/build.mjs`');
  const parseMessage = messageParser(rules);
  const leaving = new AbortController();
  const goingDown = new AbortController();
  setMaxListeners(0, goingDown.signal); // one listener per request in progress
  const answer = httpHandler({
    ...{
      submissions,
      rules,
      parseMessage,
      limits,
      access,
      quotas,
      metrics,
      inspect,
      logs,
      outputArchive,
      audit,
      logger,
    },
    closing: goingDown.signal,
    leaving: leaving.signal,
  });
  const http = createServer((request, response) => {
    response.on('error', (error) => logger.info({ err: error }, 'failed while sending a response'));
    guarded(
      () =>
        apps?.request(request, response) ||
        logsIn(request, response) ||
        servesPage?.(request, response) ||
        answer(request, response),
      (error) => {
        logger.error({ err: error, method: request.method }, 'failed to answer a request');
        answerFailure(response, error);
      },
    );
  });
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    maxPayload: limits.maxMessageBytes,
    perMessageDeflate: false,
    closeTimeout: limits.closeTimeoutMs, // in ws since 8.19, not yet in its types
  };
  const webSockets = new WebSocketServer(options);

  http.on('upgrade', (request, socket, head) => {
    const onError = (error: Error) => logger.info({ err: error }, 'connection broke during the upgrade');
    socket.on('error', onError);
    let upgraded = false;
    guarded(
      () =>
        apps?.upgrade(request, socket, head) ||
        upgrade(request, socket, head, () => {
          upgraded = true;
          socket.off('error', onError);
        }),
      (error) => {
        logger.error({ err: error }, 'failed to answer an upgrade');
        if (upgraded) return void socket.destroy();
        const { code, message } = toErrorFrame(error);
        refuseUpgrade(socket, { refused: { status: STATUS_OF[code], error: code, message } });
      },
    );
  });

  /** @param onUpgraded called when the WebSocket handles the socket's errors itself */
  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, onUpgraded: () => void): void {
    const connection = logger.child({ connectionId: randomUUID(), remote: addressOf(request) });
    const admission = admit(
      request,
      access,
      (principal) => connections.of(principal.keyId) < quotas.of(principal).limits.connections,
    );
    if (admission.refused) {
      connection.info({ status: admission.refused.status }, 'upgrade refused');
      metrics.refused(admission.refused.status);
      noteRefusal(audit, request, admission.refused);
      return refuseUpgrade(socket, admission);
    }
    const { progress, principal } = admission;
    const known = connection.child({ keyId: principal.keyId });
    const settings = {
      submissions: authorizedSubmissions(submissions, principal),
      ...{ parseMessage, limits, metrics, progress, logger: known },
      quota: quotas.of(principal),
      trace: traceOf(request.headers),
      audit: (asked: Omit<AuditEvent, 'principal'>) => audit.note(request, { ...asked, principal }),
    };
    webSockets.handleUpgrade(request, socket, head, (client) => {
      onUpgraded();
      client.on('error', (error) => connection.info({ err: error }, 'client broke the protocol'));
      guarded(
        () => {
          webSockets.emit('connection', client, request);
          known.info({ progress }, 'client connected');
          connections.add(client, principal);
          serveSocket(client, settings);
        },
        (error) => {
          known.error({ err: error }, 'a connection could not be served');
          client.close(CLOSE.failed.code, CLOSE.failed.reason);
        },
      );
    });
  }

  http.listen(settings.PORT, settings.HOST);
  try {
    await once(http, 'listening');
  } catch (error) {
    connections.stop();
    throw error;
  }
  http.on('error', (error) => logger.error({ err: error }, 'failed to accept a connection'));
  const stopPinging = disconnectUnresponsive(webSockets, limits.pingIntervalMs);

  async function close(): Promise<void> {
    stopPinging();
    leaving.abort();
    goingDown.abort(); // ends streams and waits
    connections.stop();
    const closed = once(http, 'close');
    http.close();
    http.closeIdleConnections();
    for (const client of webSockets.clients) client.close(CLOSE.goingAway.code, CLOSE.goingAway.reason);
    // A hanging request must not keep the process alive. WebSockets have their own closeTimeout.
    const rest = setTimeout(() => http.closeAllConnections(), limits.closeTimeoutMs);
    await closed;
    clearTimeout(rest);
  }

  let closing: Promise<void> | undefined;
  return {
    url: urlOf(http.address() as AddressInfo),
    leave: () => leaving.abort(),
    close: () => (closing ??= close()),
  };
}

const NO_LINKS: PageLinks = { temporal_ui: null, temporal_namespace: 'default', apps: false, kibana: null };

export interface ServerParts {
  submissions: Submissions;
  rules: SubmissionRules;
  logger: Logger;
  /** Keys in addition to `API_KEY`; null without a cluster to store them in. */
  keys?: KeyDirectory | null;
  /** Links of the page. Default: none. */
  links?: PageLinks;
  /** Default: the limits for the maximum size of a submission. */
  limits?: Limits;
  /** Archive of truncated output. Default: none. */
  outputArchive?: ReadOutput | null;
  /** Inspects what is in production; null without a cluster. */
  inspect?: LiveParts['inspect'];
  /** Sources of the logs of users' pods. Default: none. */
  logs?: LogRouteParts['logs'];
  /** Records calls. Default: nothing is recorded. */
  audit?: Audit;
  /** Default: a new registry. */
  metrics?: Metrics;
  /** Addresses of programs, for /apps/{user}/; null if requests are not forwarded. */
  programAddress?: AppsParts['addressOf'] | null;
  /** Default: the address at the other end of the connection. */
  addressOf?: ClientAddress;
}

/** Answers with an error. A response that has started can only be aborted. */
function answerFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const frame = toErrorFrame(error);
  // Headers that were set before the failure would be sent with this response.
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusMessage = '';
  sendJson(response, STATUS_OF[frame.code], frame, { Connection: 'close' });
}

/** Records a refusal that is due to the key, and no other. */
function noteRefusal(audit: Audit, request: IncomingMessage, { status, error, message }: Refusal): void {
  if (status !== 401 && status !== 403) return;
  const action = status === 401 ? 'api.refused' : 'api.forbidden';
  audit.note(request, { action, status, error: { code: error, message }, principal: null });
}

function urlOf({ address, port, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
