import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from '../infrastructure/logging';

export interface HealthParts {
  /** Resolves when the worker can take work; rejects with the reason why not. */
  ready: () => Promise<void>;
  /** Returns the metrics in the Prometheus text format. */
  metrics: () => Promise<string>;
  logger: Logger;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Serves a worker's `GET /healthz` (the process is alive), `/readyz` (it can take work; otherwise 503 with
 * the reason) and `/metrics`.
 * @param port 0 selects a free port
 * @throws Error of node:net if the address is in use or not available
 */
export async function serveHealth(host: string, port: number, parts: HealthParts): Promise<HealthServer> {
  const { ready, metrics, logger } = parts;
  const pages: Record<string, (response: ServerResponse) => Promise<void> | void> = {
    '/healthz': (response) => sendJson(response, 200, { status: 'ok' }),
    '/readyz': (response) =>
      ready().then(
        () => sendJson(response, 200, { status: 'ready' }),
        (error: Error) => sendJson(response, 503, { status: 'not_ready', reason: error.message }),
      ),
    '/metrics': async (response) => {
      const text = await metrics();
      response.writeHead(200, { 'Content-Type': TEXT, 'Cache-Control': 'no-store' }).end(text);
    },
  };
  const server = createServer((request, response) => {
    const page = request.method === 'GET' ? pages[request.url?.split('?')[0] ?? ''] : undefined;
    if (!page) return sendJson(response, 404, { error: 'not_found', message: 'there is nothing here' });
    void Promise.resolve(page(response)).catch((error: unknown) => {
      logger.warn({ err: error, path: request.url }, 'failed to answer a health check');
      sendJson(response, 500, { error: 'internal', message: (error as Error).message });
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** How long Temporal may take to answer, in milliseconds. */
const READY_MS = 2_000;

/** @throws Error with the reason why the worker cannot take work */
export async function readyToWork(
  worker: Worker,
  connection: NativeConnection,
  namespace: string,
): Promise<void> {
  const state = worker.getState();
  if (state !== 'RUNNING') throw new Error(`the worker is ${state.toLowerCase()}`);
  await connection
    .withDeadline(Date.now() + READY_MS, () => connection.workflowService.describeNamespace({ namespace }))
    .catch((error: unknown) => {
      throw new Error(`Temporal did not answer within ${READY_MS} ms`, { cause: error });
    });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
  response.end(`${JSON.stringify(body)}\n`);
}
