/** The HTTP server of a gateway: WebSockets, users' programs, and the HTTP API on one port. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once, setMaxListeners } from 'node:events';
import type { AppsDomain } from '../infrastructure/config/appsDomain';
import type { KeyDirectory } from '../infrastructure/kubernetes/keys';
import type { Logger } from '../infrastructure/logging';
import { createApps, type AppsParts } from './apps/apps';
import { NO_AUDIT, type Audit } from './audit/audit';
import { toErrorFrame } from './submissions/errorFrames';
import { runGuarded } from './errorBoundary';
import { clientAddress, type ClientAddress } from './auth/clientAddress';
import { DEFAULT_HEADERS, STATUS_OF } from './http/error';
import { createApi } from './http/api';
import type { LiveParts } from './http/live';
import type { LogRouteParts } from './http/logs';
import type { ReadOutput } from './http/output';
import { createAccess } from './auth/access';
import { createConnectionRegistry } from './auth/connectionRegistry';
import { Quotas } from './auth/rateLimits';
import { limitsFor, type Limits } from './limits';
import { messageParser } from './protocol/clientMessages';
import { programUrls } from './protocol/programUrl';
import type { SubmissionRules } from './protocol/submissionRules';
import { createMetrics, type Metrics } from './metrics';
import type { PageLinks } from './http/pageRoutes';
import type { Submissions } from './submissions/submissionService';
import { refuseUpgrade } from './auth/refuseUpgrade';
import { createWebSockets } from './websocket/webSocketServer';

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
    appsDomain: domain = null,
    addressOf = clientAddress(),
  }: ServerParts,
): Promise<RunningServer> {
  const access = createAccess(settings.API_KEY, keys);
  const quotas = new Quotas(limits.perKey);
  const connections = createConnectionRegistry(access, keys);
  const parseMessage = messageParser(rules);
  const leaving = new AbortController();
  const goingDown = new AbortController();
  setMaxListeners(0, goingDown.signal); // one listener per request in progress
  const shared = { submissions, parseMessage, access, quotas, limits, metrics, audit, logger };
  const webSockets = createWebSockets({ ...shared, connections, addressOf });
  const apps =
    programAddress &&
    createApps({
      ...{ access, addressOf: programAddress, domain, logger },
      maxInFlight: limits.requestsPerProgram,
    });
  const programUrl = programUrls({ isForwarding: apps !== null, domain });
  const signals = { closing: goingDown.signal, leaving: leaving.signal };
  const api = await createApi(
    { ...{ ...shared, ...signals, rules, inspect, logs, outputArchive, addressOf, links, programUrl } },
    (answer) =>
      createServer((request, response) => {
        response.on('error', (error) => logger.info({ err: error }, 'failed while sending a response'));
        runGuarded(
          () => apps?.request(request, response) || answer(request, response),
          (error) => {
            logger.error({ err: error, method: request.method }, 'failed to answer a request');
            answerFailure(response, error);
          },
        );
      }),
  );
  const http = api.server;
  // Node answers a request that it cannot parse, unless a response is under way.
  http.removeAllListeners('clientError');
  http.on('upgrade', (request, socket, head) => {
    const onError = (error: Error) => logger.info({ err: error }, 'connection broke during the upgrade');
    socket.on('error', onError);
    let upgraded = false;
    const onUpgraded = () => {
      upgraded = true;
      socket.off('error', onError);
    };
    runGuarded(
      () => apps?.upgrade(request, socket, head) || webSockets.upgrade(request, socket, head, onUpgraded),
      (error) => {
        logger.error({ err: error }, 'failed to answer an upgrade');
        if (upgraded) return void socket.destroy();
        const { code, message } = toErrorFrame(error);
        refuseUpgrade(socket, { refused: { status: STATUS_OF[code], error: code, message } });
      },
    );
  });

  http.listen(settings.PORT, settings.HOST);
  try {
    await once(http, 'listening');
  } catch (error) {
    connections.stop();
    webSockets.close();
    throw error;
  }
  http.on('error', (error) => logger.error({ err: error }, 'failed to accept a connection'));

  async function close(): Promise<void> {
    leaving.abort();
    goingDown.abort(); // ends streams and waits
    connections.stop();
    const closed = once(http, 'close');
    http.close();
    http.closeIdleConnections();
    webSockets.close();
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

const NO_LINKS: PageLinks = { temporal_ui: null, temporal_namespace: 'default', kibana: null };

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
  /** Addresses of programs; null if requests are not forwarded. */
  programAddress?: AppsParts['addressOf'] | null;
  /** The domain below which each program has its own origin. Default: none, and programs are only below `/apps/`. */
  appsDomain?: AppsDomain | null;
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
  response.writeHead(STATUS_OF[frame.code], {
    ...DEFAULT_HEADERS,
    'Content-Type': 'application/json; charset=utf-8',
    Connection: 'close',
  });
  response.end(`${JSON.stringify(frame)}\n`);
}

function urlOf({ address, port, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
