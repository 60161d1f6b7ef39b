import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Answers with JSON, or without a body. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: object | undefined,
  headers: OutgoingHttpHeaders = {},
): void {
  response.writeHead(status, {
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(body && { 'Content-Type': 'application/json; charset=utf-8' }),
    ...headers,
  });
  response.end(body && `${JSON.stringify(body)}\n`);
}
