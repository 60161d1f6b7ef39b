import { z } from 'zod';
import { errorFrame } from '../protocol/errorFrame';
import type { Api } from './apiTypes';
import { HttpError } from './error';
import { empty, json } from './answers';

/**
 * The health checks, and the answer to a request that forgets to open the WebSocket. They need no key.
 * @param ready rejects with the reason why submissions cannot be accepted
 */
export function serviceRoutes(api: Api, ready: () => Promise<void>, leaving: AbortSignal): void {
  api.get(
    '/healthz',
    {
      schema: {
        operationId: 'health',
        summary: 'Liveness check',
        response: { 200: json('The process is alive.', z.object({ alive: z.literal(true) })) },
      },
    },
    () => ({ alive: true as const }),
  );
  api.get(
    '/readyz',
    {
      schema: {
        operationId: 'readiness',
        summary: 'Readiness check',
        response: {
          200: json('Submissions are accepted.', z.object({ ready: z.literal(true) })),
          503: json(
            'Not ready; `reason` has the cause.',
            z.object({ ready: z.literal(false), reason: z.string() }),
          ),
        },
      },
    },
    async (_request, reply) => {
      try {
        if (leaving.aborted) throw new Error('the gateway is going down');
        await ready();
        return { ready: true as const };
      } catch (error) {
        reply.code(503);
        const reason = error instanceof Error ? error.message : String(error);
        return { ready: false as const, reason };
      }
    },
  );
  api.get(
    '/ws/code',
    {
      schema: {
        operationId: 'websocket',
        summary: 'Opens a WebSocket; /asyncapi.json describes its messages',
        response: { 101: empty('The WebSocket is open.') },
      },
      config: { errors: ['upgrade_required'] },
    },
    () => {
      const frame = errorFrame('upgrade_required', 'there is a WebSocket at this address');
      throw new HttpError(frame, { Upgrade: 'websocket' });
    },
  );
}
