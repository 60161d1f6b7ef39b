import type { Metrics } from '../metrics';
import type { Api } from './apiTypes';
import { text } from './answers';

/** `GET /metrics`, for Prometheus. It needs no key, because the metrics contain no users and no keys. */
export function metricsRoute(api: Api, metrics: Metrics): void {
  api.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        summary: 'Counts what the gateway does, for Prometheus',
        response: { 200: text('The metrics.', 'text/plain') },
      },
    },
    async (_request, reply) => {
      const { type, body } = await metrics.text();
      return reply.type(type).send(body);
    },
  );
}
