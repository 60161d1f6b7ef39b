import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import pino from 'pino';
import { DEFAULT_LIMITS, type Limits } from '../../../gateway/limits';
import type { LogSources } from '../../../gateway/http/logView';
import { startServer, type RunningServer } from '../../../gateway/server';
import type { PodLine } from '../../../infrastructure/kubernetes/logs/line';
import { FakeSubmissions } from '../fakeSubmissions';
import { FakeDirectory, keyOf } from '../auth/directory';
import { rules } from '../protocol/rules';

/** Logs of pods over HTTP, from fake sources. */

const API_KEY = 'a key for the tests only';
const ada = keyOf('aaaaaaaaaaaa', { userId: 'ada' });
const time = (n: number) => `2026-01-01T00:00:00.${String(n).padStart(9, '0')}Z`;
const line = (n: number, text = `line ${n}`): PodLine => ({ pod: 'ada-prod-1', at: time(n), text });

let server: RunningServer;
let keys: FakeDirectory;
/** The requests that the sources received. */
let asked: unknown[];
/** How many pieces were read from the source that is followed. */
let taken: number;
let isFollowed: boolean;

async function start(later: () => AsyncGenerator<PodLine[]>, limits: Partial<Limits> = {}): Promise<void> {
  asked = [];
  taken = 0;
  isFollowed = false;
  keys = new FakeDirectory([ada]);
  const logs: LogSources = {
    history: {
      tail(query) {
        asked.push(query);
        return Promise.resolve([line(1), line(2)]);
      },
      close: () => Promise.resolve(),
    },
    live: {
      tail: () => Promise.resolve([line(2), line(3)]),
      async *follow(userId, part, { signal }) {
        asked.push({ userId, part });
        isFollowed = true;
        try {
          for await (const lines of later()) {
            if (signal.aborted) return;
            taken += 1;
            yield lines;
          }
          await once(signal, 'abort');
        } finally {
          isFollowed = false;
        }
      },
    },
  };
  server = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    {
      ...{ submissions: new FakeSubmissions(), rules, logs, keys },
      ...{ logger: pino({ level: 'silent' }), limits: { ...DEFAULT_LIMITS, ...limits } },
    },
  );
}

afterEach(() => server.close());

async function* nothing(): AsyncGenerator<PodLine[]> {}

const get = (query: string, headers: Record<string, string> = { 'X-API-Key': API_KEY }, user = 'ada') =>
  fetch(`${server.url}/api/users/${user}/logs${query}`, { headers });

test('lines are text with the name of their pod, those of before once each', async () => {
  await start(nothing);
  const response = await get('?tail=2');
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await response.text()).toBe('ada-prod-1 line 2\nada-prod-1 line 3\n');
  expect(asked).toMatchObject([{ namespace: 'user-ada', container: 'program', lines: 2, since: null }]);
});

test('events have an id to go on after, on any gateway', async () => {
  await start(nothing);
  const headers = { 'X-API-Key': API_KEY, Accept: 'text/event-stream' };
  const text = await (await get('', headers)).text();
  const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => JSON.parse(json) as unknown);
  expect(data).toEqual([1, 2, 3].map((n) => ({ type: 'line', ...line(n) })));
  const [, second = ''] = [...text.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id);
  const rest = await (await get('', { ...headers, 'Last-Event-ID': second })).text();
  expect([...rest.matchAll(/"line \d"/g)].map(([found]) => found)).toEqual(['"line 3"']);
});

test('a key gets the logs of its own user alone', async () => {
  await start(nothing);
  expect((await get('', { 'X-API-Key': ada.key })).status).toBe(200);
  const refused = await get('', { 'X-API-Key': ada.key }, 'eve');
  expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'forbidden' }]);
  expect((await get('', {})).status).toBe(401);
  expect(asked).toHaveLength(1);
});

test.each([
  ['?part=runner', 'part'],
  ['?since=yesterday', 'since'],
  ['?tail=2001', 'tail'],
  ['?tail=-1', 'tail'],
  ['?nonsense=1', 'nonsense'],
])('%s is refused', async (query, field) => {
  await start(nothing);
  const response = await get(query);
  expect([response.status, await response.json()]).toMatchObject([400, { code: 'invalid_message', field }]);
});

test('a time may be said as how long ago it was', async () => {
  await start(nothing);
  await (await get('?since=10m')).text();
  const [{ since }] = asked as [{ since: string }];
  expect(Math.abs(Date.now() - 600_000 - Date.parse(since))).toBeLessThan(5_000);
});

test('an id that is none is refused', async () => {
  await start(nothing);
  const response = await get('', { 'X-API-Key': API_KEY, 'Last-Event-ID': 'nonsense' });
  expect(await response.json()).toMatchObject({ code: 'invalid_message', field: 'Last-Event-ID' });
});

/** Opens a response without reading it. */
async function open(query: string, key = API_KEY): Promise<IncomingMessage> {
  const request = httpRequest(`${server.url}/api/users/ada/logs${query}`, { headers: { 'X-API-Key': key } });
  request.on('error', () => undefined);
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  return response;
}

async function eventually(check: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not within 5 s: ${check.toString()}`);
    await wait(10);
  }
}

test('a client that does not read holds back its source, and is cut off', async () => {
  const text = 'x'.repeat(10_000);
  await start(
    async function* () {
      for (let n = 10; n < 100_000; n++) yield await Promise.resolve([line(n, text)]);
    },
    { pingIntervalMs: 300 },
  );
  const response = await open('?follow=true');
  await eventually(() => taken > 0 && !isFollowed);
  expect(taken * text.length).toBeLessThan(20_000_000); // What both ends of a loopback connection can buffer.
  const closed = new Promise((resolve) => response.once('close', resolve));
  response.resume();
  await closed;
  expect(response.complete).toBe(false);
});

test('following ends when the key is revoked, when its time is up, and when the client goes', async () => {
  await start(nothing, { followLogsMs: 60_000 });
  const revoked = await open('?follow=true', ada.key);
  revoked.resume();
  await eventually(() => isFollowed);
  keys.keys = [];
  await once(revoked, 'close');
  await eventually(() => !isFollowed);
  await server.close();

  await start(nothing, { followLogsMs: 200 });
  const short = await open('?follow=true');
  short.resume();
  await once(short, 'end');
  expect(short.complete).toBe(true);
  await eventually(() => !isFollowed);
  await server.close();

  await start(nothing);
  const gone = await open('?follow=true');
  await eventually(() => isFollowed);
  gone.destroy();
  await eventually(() => !isFollowed);
});

test('a key follows no more streams than it may', async () => {
  await start(nothing, { perKey: { ...DEFAULT_LIMITS.perKey, followed: 1 } });
  const first = await open('?follow=true', ada.key);
  const second = await get('?follow=true', { 'X-API-Key': ada.key });
  expect([second.status, await second.json()]).toMatchObject([429, { code: 'too_many_in_flight', limit: 1 }]);
  first.destroy();
  await eventually(() => !isFollowed);
  expect((await get('', { 'X-API-Key': ada.key })).status).toBe(200);
});
