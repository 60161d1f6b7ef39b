import type { IncomingMessage, ServerResponse } from 'node:http';

const INDEX = {
  name: 'Orchestration App',
  websocket: '/ws/code',
  schema: '/schema.json',
  health: '/healthz',
  readiness: '/readyz',
  live: '/api/users/{user}/live',
};

/**
 * Answers plain HTTP requests.
 * @param schema of the messages
 * @param ready rejects with the reason why submissions cannot be taken
 */
export function httpHandler(schema: object, ready: () => Promise<void>) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(response, 405, { error: 'method_not_allowed', message: 'use GET' });
    const [path] = (request.url ?? '/').split('?', 1);
    switch (path as string) {
      case '/':
        return answer(response, 200, INDEX);
      case '/healthz':
        return answer(response, 200, { alive: true });
      case '/readyz':
        return void ready().then(
          () => answer(response, 200, { ready: true }),
          (error: unknown) => answer(response, 503, { ready: false, reason: reasonOf(error) }),
        );
      case '/schema.json':
        return answer(response, 200, schema);
      case '/ws/code':
        response.setHeader('Upgrade', 'websocket');
        return answer(response, 426, { error: 'upgrade_required', message: 'open a WebSocket here' });
      default:
        return answer(response, 404, { error: 'not_found', message: 'see / for what there is' });
    }
  };
}

/** Answers with JSON. */
export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(`${JSON.stringify(body)}\n`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
