import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import pino from 'pino';
import type { Kube } from '../../../../infrastructure/kubernetes/api/client';
import { followPodLog, type LogEvent } from '../../../../infrastructure/kubernetes/logs/podLog';

const logger = pino({ level: 'silent' });
const since = new Date('2026-01-01T12:00:00.000Z');

let server: Server;
let asked: string[];
/** The answers to the next requests for the log: a status, or the text of a log that then ends. */
let answers: (number | string)[];
/** Ids of the container, one for each time the pod is read. */
let containers: (string | null)[];

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const answer = answers.shift();
    if (typeof answer === 'number') response.writeHead(answer).end();
    else if (answer !== undefined) response.end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function kube(): Kube {
  const config = new KubeConfig();
  const { port } = server.address() as AddressInfo;
  const cluster = { name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  config.loadFromClusterAndUser(cluster, { name: 'u' });
  const readNamespacedPod = () => {
    const containerID = containers.shift();
    if (containerID === null) return Promise.reject(new Error('away'));
    return Promise.resolve({ status: { containerStatuses: [{ name: 'runner', containerID }] } });
  };
  return { config, core: { readNamespacedPod } } as unknown as Kube;
}

async function first(count: number): Promise<LogEvent[]> {
  const stop = new AbortController();
  const events: LogEvent[] = [];
  for await (const event of followPodLog(kube(), 'test', { since, signal: stop.signal, logger })) {
    events.push(event);
    if (events.length === count) stop.abort();
  }
  return events;
}

const line = (text: string, offset = 0) => ({
  type: 'output',
  stream: 'stdout',
  offset,
  data: Buffer.from(`${text}\n`),
});

test('whole lines are read from the moment that was asked for', async () => {
  answers = ['[x out 0] Hello\nnothing\n[x out 6] wor'];
  containers = ['one'];
  expect(await first(1)).toEqual([{ type: 'lines', lines: [line('Hello')] }]);
  const url = new URL(asked[0] ?? '', 'http://x');
  expect(url.pathname).toBe('/api/v1/namespaces/user-test/pods/test-test/log');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    ...{ container: 'runner', follow: 'true', sinceTime: '2026-01-01T12:00:00.000Z' },
  });
});

test('a log that ends early is opened again, and it is said whether it is the same', async () => {
  answers = ['[x out 0] one\n', '[x out 0] one\n', '[x out 0] one\n'];
  containers = ['one', 'one', 'two'];
  expect((await first(5)).map((event) => (event.type === 'lines' ? 'lines' : event.sameContainer))).toEqual([
    ...['lines', true, 'lines', false, 'lines'],
  ]);
});

test('a pod that is missing and a server that is away are waited for', async () => {
  answers = [404, 500, '[x out 0] there\n'];
  containers = [null, null, 'one'];
  const events = await first(3);
  expect(events).toMatchObject([
    { sameContainer: true },
    { sameContainer: true },
    { lines: [line('there')] },
  ]);
});

test('following ends at once when it is told to, also while nothing comes', async () => {
  answers = [];
  containers = ['one'];
  const stop = new AbortController();
  const log = followPodLog(kube(), 'test', { since, signal: stop.signal, logger });
  const next = log.next();
  await once(server, 'request');
  stop.abort();
  expect((await next).done).toBe(true);
});
