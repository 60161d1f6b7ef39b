/** Accepts WebSockets: checks the key and its limits before the upgrade. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions } from 'ws';
import type { Logger } from '../../infrastructure/logging';
import { traceOf } from '../../infrastructure/telemetry/span';
import type { Audit, AuditEvent } from '../audit/audit';
import type { Access, Refusal } from '../auth/access';
import type { ClientAddress } from '../auth/clientAddress';
import type { ConnectionRegistry } from '../auth/connectionRegistry';
import type { Quotas } from '../auth/rateLimits';
import { refuseUpgrade } from '../auth/refuseUpgrade';
import { runGuarded } from '../errorBoundary';
import { CLOSE, type Limits } from '../limits';
import type { Metrics } from '../metrics';
import type { ParseMessage } from '../protocol/clientMessages';
import { authorizedSubmissions } from '../submissions/authorizedSubmissions';
import type { Submissions } from '../submissions/submissionService';
import { serveSocket } from './connection';
import { disconnectUnresponsive } from './heartbeat';
import { admit } from './upgrade';

export interface WebSocketParts {
  submissions: Submissions;
  parseMessage: ParseMessage;
  access: Access;
  connections: ConnectionRegistry;
  quotas: Quotas;
  limits: Limits;
  metrics: Metrics;
  audit: Audit;
  addressOf: ClientAddress;
  logger: Logger;
}

export interface WebSockets {
  /**
   * Accepts or refuses an upgrade request.
   * @param onUpgraded called when the WebSocket handles the errors of its socket itself
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, onUpgraded: () => void): void;
  /** Asks every client to reconnect elsewhere (1001). Those that do not are cut off after `closeTimeoutMs`. */
  close(): void;
}

/** Serves the WebSockets of an HTTP server. */
export function createWebSockets(parts: WebSocketParts): WebSockets {
  const { submissions, access, connections, quotas, limits, metrics, audit, addressOf, logger } = parts;
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    maxPayload: limits.maxMessageBytes,
    perMessageDeflate: false,
    closeTimeout: limits.closeTimeoutMs, // in ws since 8.19, not yet in its types
  };
  const server = new WebSocketServer(options);
  const stopPinging = disconnectUnresponsive(server, limits.pingIntervalMs);

  return {
    upgrade(request, socket, head, onUpgraded) {
      const connection = logger.child({ connectionId: randomUUID(), remote: addressOf(request) });
      const admission = admit(
        request,
        access,
        (principal) => connections.count(principal.keyId) < quotas.of(principal).limits.connections,
      );
      if (admission.refused) {
        connection.info({ status: admission.refused.status }, 'upgrade refused');
        metrics.refused(admission.refused.status);
        recordRefusal(audit, request, admission.refused);
        return refuseUpgrade(socket, admission);
      }
      const { progress, principal } = admission;
      const known = connection.child({ keyId: principal.keyId });
      const settings = {
        submissions: authorizedSubmissions(submissions, principal),
        ...{ parseMessage: parts.parseMessage, limits, metrics, progress, logger: known },
        quota: quotas.of(principal),
        trace: traceOf(request.headers),
        audit: (event: Omit<AuditEvent, 'principal'>) => audit.note(request, { ...event, principal }),
      };
      server.handleUpgrade(request, socket, head, (client) => {
        onUpgraded();
        client.on('error', (error) => connection.info({ err: error }, 'client broke the protocol'));
        runGuarded(
          () => {
            server.emit('connection', client, request);
            known.info({ progress }, 'client connected');
            connections.add(client, principal);
            serveSocket(client, settings);
          },
          (error) => {
            known.error({ err: error }, 'failed to serve a connection');
            client.close(CLOSE.failed.code, CLOSE.failed.reason);
          },
        );
      });
    },

    close() {
      stopPinging();
      for (const client of server.clients) client.close(CLOSE.goingAway.code, CLOSE.goingAway.reason);
    },
  };
}

/** Records a refusal that is due to the key, and no other. */
function recordRefusal(audit: Audit, request: IncomingMessage, { status, error, message }: Refusal): void {
  if (status !== 401 && status !== 403) return;
  const action = status === 401 ? 'api.refused' : 'api.forbidden';
  audit.note(request, { action, status, error: { code: error, message }, principal: null });
}
