import type { Metrics } from '../metrics';
import type { Route } from './apiRoute';

/** `GET /metrics`, for Prometheus. It needs no key, because the metrics contain no users and no keys. */
export function metricsRoute(metrics: Metrics): Route {
  return {
    method: 'GET',
    path: '/metrics',
    open: true,
    operationId: 'metrics',
    summary: 'Counts what the gateway does, for Prometheus',
    answers: { 200: { description: 'The metrics.', type: 'text/plain' } },
    async handle({ response }) {
      const { type, body } = await metrics.text();
      response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' });
      response.end(body);
    },
  };
}
