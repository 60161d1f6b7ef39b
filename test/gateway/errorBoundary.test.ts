import { once } from 'node:events';
import pino from 'pino';
import { WebSocket } from 'ws';
import type { Audit } from '../../gateway/audit/audit';
import { createMetrics } from '../../gateway/metrics';
import { startServer, type RunningServer } from '../../gateway/server';
import { FakeSubmissions } from './fakeSubmissions';
import { rules } from './protocol/rules';

/** A gateway whose own parts throw unexpectedly: only the connection that caused it gets an error. */

const API_KEY = 'a key for the tests only';
const logged: string[] = [];
const logger = pino({ level: 'error' }, { write: (line: string) => void logged.push(line) });
const bug = (): never => {
  throw new TypeError('a bug of this test');
};
let server: RunningServer;

async function start(parts: Partial<Parameters<typeof startServer>[1]>): Promise<void> {
  const submissions = new FakeSubmissions();
  server = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    { submissions, rules, logger, ...parts },
  );
}

afterEach(async () => {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(logged.splice(0).join('')).toContain('a bug of this test');
  await server.close();
});

const noting: Audit = { note: bug };
const opened = (headers: Record<string, string>) => {
  const socket = new WebSocket(`${server.url}/ws/code`, { headers });
  socket.on('error', () => undefined);
  return socket;
};

test('a request whose handler throws is answered with 500, and its connection ends', async () => {
  await start({ audit: noting });
  const response = await fetch(`${server.url}/logout`, { method: 'POST', headers: { 'X-API-Key': API_KEY } });
  expect([response.status, response.headers.get('connection')]).toEqual([500, 'close']);
  expect(await response.json()).toMatchObject({ type: 'error', code: 'internal' });
  expect(response.headers.get('set-cookie')).toBeNull();
});

test('an upgrade whose handler throws is refused with 500', async () => {
  await start({ audit: noting });
  const [, response] = (await once(opened({}), 'unexpected-response')) as [unknown, { statusCode: number }];
  expect(response.statusCode).toBe(500);
});

test.each(['connected', 'received', 'sent'] as const)(
  'a WebSocket whose handler throws (metrics.%s) is closed with 1011',
  async (name) => {
    await start({ metrics: { ...createMetrics(), [name]: bug } });
    const socket = opened({ 'X-API-Key': API_KEY });
    socket.on('open', () => socket.send('{'));
    expect((await once(socket, 'close'))[0]).toBe(1011);
  },
);
