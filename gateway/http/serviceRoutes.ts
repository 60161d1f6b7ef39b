import { errorFrame } from '../protocol/errorFrame';
import { HttpError } from './error';
import type { Route } from './apiRoute';

const INDEX = {
  name: 'Orchestration App',
  websocket: '/ws/code',
  submissions: '/api/submissions',
  languages: '/api/languages',
  reference: '/docs',
  openapi: '/openapi.json',
  asyncapi: '/asyncapi.json',
  schema: '/schema.json',
  health: '/healthz',
  readiness: '/readyz',
};

/**
 * The index and the health checks. They need no key.
 * @param ready rejects with the reason why submissions cannot be accepted
 */
export function serviceRoutes(ready: () => Promise<void>, leaving: AbortSignal): Route[] {
  return [
    {
      method: 'GET',
      path: '/',
      open: true,
      operationId: 'index',
      summary: 'Lists the addresses of this gateway',
      answers: { 200: { description: 'Addresses.' } },
      handle: () => ({ status: 200, body: INDEX }),
    },
    {
      method: 'GET',
      path: '/healthz',
      open: true,
      operationId: 'health',
      summary: 'Liveness check',
      answers: { 200: { description: 'The process is alive.' } },
      handle: () => ({ status: 200, body: { alive: true } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      open: true,
      operationId: 'readiness',
      summary: 'Readiness check',
      answers: {
        200: { description: 'Submissions are accepted.' },
        503: { description: 'Not ready; `reason` has the cause.' },
      },
      async handle() {
        try {
          if (leaving.aborted) throw new Error('the gateway is going down');
          await ready();
          return { status: 200, body: { ready: true } };
        } catch (error) {
          return {
            status: 503,
            body: { ready: false, reason: error instanceof Error ? error.message : String(error) },
          };
        }
      },
    },
    {
      method: 'GET',
      path: '/ws/code',
      open: true,
      operationId: 'websocket',
      summary: 'Opens a WebSocket; /asyncapi.json describes its messages',
      answers: { 101: { description: 'The WebSocket is open.' } },
      errors: ['upgrade_required'],
      handle: () => {
        throw new HttpError(errorFrame('upgrade_required', 'there is a WebSocket at this address'), {
          Upgrade: 'websocket',
        });
      },
    },
  ];
}
